"""The verbs of `python -m finetune`, a file each."""
