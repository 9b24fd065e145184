"""Model classes for lm_eval: `hf-shared` for language models, `hf-seqcls` and `hf-span` for heads."""


def register_models() -> None:
    """Makes lm_eval know them beside its own classes, which are registered first."""
    import harness_tasks.models.seqcls
    import harness_tasks.models.shared
    import harness_tasks.models.span  # noqa: F401
