"""The three heads: transformers' classes for them, and where in a model the head is."""

from typing import Any, Literal

from harness_tasks.errors import UserError
from harness_tasks.messages import nearest_name
from harness_tasks.models.body_name import body_name

Head = Literal["causal", "sequence-classification", "question-answering"]
TASK_TYPES: dict[Head, str] = {
    "causal": "CAUSAL_LM",
    "sequence-classification": "SEQ_CLS",
    "question-answering": "QUESTION_ANS",
}
"""peft's names for them."""


def check_head(head: str | None, labels: int | None) -> None:
    """Raises UserError where ``head`` is the name of no head, or a classification head would have no ``labels``."""
    if head is not None and head not in TASK_TYPES:
        raise UserError(
            f"--head {head}",
            f"the heads are {', '.join(TASK_TYPES)}",
            f"write --head {nearest_name(head, TASK_TYPES, cutoff=0.3) or 'causal'}, if that is what you mean",
        )
    if labels is not None and labels < 1:
        raise UserError(
            f"--labels {labels}",
            "a classification head has one row of weights for each label, so it needs at least one",
            "give the number of classes, for example --labels 2",
        )


def head_of_task(task_type: str | None, *, mend: str) -> Head:
    """Returns the head that peft's name of an adapter's task type stands for, causal where there is none.

    Raises:
        UserError: no head is known for it; ``mend`` says what to give in the adapter's place.
    """
    for head, known in TASK_TYPES.items():
        if known == (task_type or "CAUSAL_LM"):
            return head
    raise UserError(
        f"an adapter for the task type {task_type}",
        f"the base model's head follows from it, and only these are known: {', '.join(TASK_TYPES.values())}",
        mend,
    )


def auto_class(head: Head) -> Any:
    """Returns transformers' class that loads any model with that head."""
    import transformers

    classes: dict[Head, Any] = {
        "causal": transformers.AutoModelForCausalLM,
        "sequence-classification": transformers.AutoModelForSequenceClassification,
        "question-answering": transformers.AutoModelForQuestionAnswering,
    }
    return classes[head]


def model_class(config: Any, head: Head) -> Any:
    """Returns transformers' class for models of this configuration with that head.

    Raises:
        UserError: there is none.
    """
    import transformers

    found = auto_class(head)._model_mapping.get(type(config), None)
    if found is None:
        raise UserError(
            f"a model of type {config.model_type} with the head {head}",
            f"transformers {transformers.__version__} has no such class",
            "choose another head, or another model",
        )
    return found[0] if isinstance(found, (list, tuple)) else found


def head_of(base: Any) -> Head:
    """Returns which head a transformers model has, by the name of its class."""
    return head_named(type(base).__name__)


def head_named(architecture: str) -> Head:
    """Returns which head a class of transformers makes, by its name.

    >>> head_named("LlamaForSequenceClassification"), head_named("LlamaForCausalLM")
    ('sequence-classification', 'causal')
    """
    if "SequenceClassification" in architecture:
        return "sequence-classification"
    return "question-answering" if "QuestionAnswering" in architecture else "causal"


def without_adapter(model: Any) -> Any:
    """Returns the transformers model inside peft's, or the model itself where it has no adapter."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def head_modules(model: Any) -> dict[str, Any]:
    """Returns the modules with parameters that stand beside the model's body, by name: its head."""
    body = body_name(model)
    return {
        name: module
        for name, module in model.named_children()
        if name != body and any(True for _ in module.parameters())
    }


def freeze_body(model: Any) -> None:
    """Leaves nothing but the head to require a gradient.

    Raises:
        UserError: the head is the matrix of the embeddings.
    """
    check_head_method(model.config, head_of(model))
    heads = set(head_modules(model))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.partition(".")[0] in heads)


def check_head_method(config: Any, head: Head) -> None:
    """Returns nothing where a head has parameters of its own, which can be trained alone.

    Raises:
        UserError: it is a causal LM's whose output matrix is that of its embeddings.
    """
    if head == "causal" and config.tie_word_embeddings:
        raise UserError(
            f"--method head on a causal LM of type {config.model_type} whose head is tied to its embeddings",
            f"the head is the matrix that embeds the input, {config.vocab_size} × {config.hidden_size} parameters, and "
            "training it would change what every layer reads",
            "take --head sequence-classification or question-answering, whose heads are new, or --method lora",
        )
