"""The verbs of `aftertune` that score: a file each, over one function of the room."""
