"""Tasks made of a user's own rows: read, checked, split by whole cluster, and written as a folder for lm_eval."""
