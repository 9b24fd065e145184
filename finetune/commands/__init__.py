"""The verbs of `aftertune` that make checkpoints, a file each."""
