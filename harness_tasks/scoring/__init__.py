"""`aftertune score`: `lm_eval run` behind a check of its arguments and of the data that they name."""
