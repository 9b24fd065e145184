"""`python -m harness_tasks run`: lm_eval's `run` behind a check of its arguments and of the data that they name."""
