"""Model classes for lm_eval: `hf-shared` and `hf-recorded` for language models, `hf-seqcls` and `hf-span` for heads."""

MODELS = {
    "hf-shared": "harness_tasks.models.shared_lm:SharedLM",
    "hf-recorded": "harness_tasks.models.recorded_lm:RecordedLM",
    "hf-seqcls": "harness_tasks.models.seqcls:SequenceClassifierLM",
    "hf-span": "harness_tasks.models.span:SpanReaderLM",
}
"""Where each class is found. It is imported once it is asked for: transformers takes seconds."""


def register_models() -> None:
    """Makes lm_eval know them beside its own classes, which are registered first."""
    import lm_eval.models  # noqa: F401
    from lm_eval.api.registry import model_registry

    for name, place in MODELS.items():
        if name not in model_registry:
            model_registry.register(name, target=place)
