"""Checkpoints that another program trained: what their folders say, whether they fit the base, what changed in them."""
