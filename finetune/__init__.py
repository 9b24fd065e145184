"""How a checkpoint is made: `aftertune train ...`."""
