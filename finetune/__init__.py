"""How a checkpoint is made: `python -m finetune train ...`."""
