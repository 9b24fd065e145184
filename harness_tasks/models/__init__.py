"""lm_eval's model classes for heads: `hf-seqcls` scores classifiers, `hf-span` span readers."""


def register_models() -> None:
    """Makes lm_eval know `hf-seqcls` and `hf-span` beside its own classes, which are registered first."""
    import harness_tasks.models.seqcls
    import harness_tasks.models.span  # noqa: F401
