"""Answers to questions on passages that come in a wheel: the demo's extractive task."""
