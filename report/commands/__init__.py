"""The verbs of `python -m report`, a file each."""
