"""Eight kinds of task, as people write them for lm_eval with nothing of ours: their files, and a study's results."""
