"""The files that are copied into a task's folder as they are; they need nothing but lm_eval and what comes with it."""
