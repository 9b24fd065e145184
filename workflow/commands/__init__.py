"""The verbs of `aftertune` for a whole study, a file each."""
