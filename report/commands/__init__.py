"""The verbs of `aftertune` that count, write, compare and check, a file each."""
