"""Other programs that score models, asked the prompts that lm_eval's `hf` was asked.

`with_lighteval` and `with_inspect` run in an environment of their own: they, and what they import here, import nothing
of ours but this package.
"""
