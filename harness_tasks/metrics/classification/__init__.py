"""The metric that ``evaluate.load`` loads from this folder: classification."""
