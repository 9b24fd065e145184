"""The verbs of `python -m workflow`, a file each."""
