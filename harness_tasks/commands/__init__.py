"""The verbs of `python -m harness_tasks`: a file each, over one function of the room."""
