"""Scores and their uncertainty: the table of metrics, intervals, paired tests, the spread over seeds."""
