"""Scores and their uncertainty: intervals, paired tests, the spread over seeds."""
