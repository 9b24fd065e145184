"""Whether a printed number of parameters is one that the architecture, with that head and adapter, can have.

The counts are finetune's closed forms: arithmetic from a configuration, without torch and without a model.
"""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

from finetune.closed_form import closed_forms
from finetune.heads import Head
from report.audit.figures import Printed
from report.audit.outcome import Outcome

_HEADS: dict[Head, str] = {
    "causal": "as a causal language model",
    "sequence-classification": "with a sequence-classification head",
    "question-answering": "with a question-answering head",
}
Parts = dict[str, int]


class _Named(NamedTuple):
    """A number of parameters, and what it is the number of."""

    parameters: int
    name: str


def audit_parameters(
    figure: Printed,
    architecture: Mapping[str, Any],
    *,
    model: str,
    of: Literal["total", "trainable"] = "total",
    head: Head = "causal",
    labels: int = 2,
    lora_r: int | None = None,
    lora_targets: Sequence[str] = (),
) -> Outcome:
    """Returns whether ``figure`` can be the number of parameters of ``model`` with that head and adapter.

    ``architecture``: keys and values of its config.json. ``labels``: width of a sequence-classification head.
    ``lora_r``, ``lora_targets``: rank and module names of a LoRA adapter; None for fine-tuning without one.
    """
    adapter = None
    what = f"{model} {_HEADS[head]}" + (f" for {labels} labels" if head == "sequence-classification" else "")
    if lora_r is not None:
        adapter = SimpleNamespace(
            peft_type="LORA", r=lora_r, target_modules=list(lora_targets), layers_to_transform=None
        )
        what += f" and LoRA of rank {lora_r} on {', '.join(lora_targets)}"
    parts = _parts(architecture, head, labels, adapter)
    if parts is None:
        kind = architecture["model_type"]
        return Outcome("cannot be told", f"No closed form is known for the architecture {kind}: use report params.")
    summed = " + ".join(f"{name} {count:,}" for name, count in parts.items() if count)
    text = (
        f"{figure.text} is given as the {of} number of parameters of {what}. "
        f"Such a model has {summed} = {sum(parts.values()):,} parameters."
    )
    low, high = figure.count()
    possible = _possible(parts, of, head)
    for named in possible:
        if low <= named.parameters <= high:
            return Outcome("holds", f"{text} The number given is that of {named.name}.")
    nearest = min(possible, key=lambda named: abs(figure.value - named.parameters))
    off = int(figure.value - nearest.parameters)
    text += f" The nearest possible number is {nearest.parameters:,}, that of {nearest.name}; the one given is "
    text += f"{abs(off):,} {'more' if off > 0 else 'fewer'}."
    others = _others(architecture, head, labels, adapter, of, model)
    text += next((f" {figure.text} is the number of {name}." for count, name in others if low <= count <= high), "")
    if of == "trainable" and adapter is None and 0 < figure.value < sum(parts.values()):
        return Outcome("cannot be told", f"{text} Freezing some tensors gives other numbers; which is not said.")
    return Outcome("impossible", text)


def _parts(architecture: Mapping[str, Any], head: Head, labels: int, adapter: Any) -> Parts | None:
    """Returns the parameters by component; None where no closed form is known."""
    config = SimpleNamespace(**architecture, num_labels=labels)
    forms = {name: form for name, (form, _) in closed_forms(config, head=head, adapter=adapter).items()}
    known = {name: form for name, form in forms.items() if form is not None}
    return known if len(known) == len(forms) else None


def _possible(parts: Parts, of: str, head: Head) -> list[_Named]:
    """Returns the numbers that may rightly be given."""
    total, adapter = sum(parts.values()), parts.get("adapter")
    own_head = parts["head"] if head != "causal" else 0  # a causal model's own head is not trained beside an adapter
    if of == "total":
        whole = [_Named(total, "the whole model")]
        return [*whole, _Named(total - adapter, "the model with its adapter merged")] if adapter else whole
    if adapter is None:
        alone = [_Named(own_head, "the head alone")] if own_head else []
        return [_Named(total, "the whole model, all of it trained"), *alone]
    both = [_Named(adapter + own_head, "adapter and head")] if own_head else []
    return [*both, _Named(adapter, "the adapter alone")]


def _others(
    architecture: Mapping[str, Any], head: Head, labels: int, adapter: Any, of: str, model: str
) -> list[_Named]:
    """Returns numbers that are often given in the right one's place."""
    found = []
    if adapter is not None:
        parts = _parts(architecture, head, labels, adapter) or {}
        quantity = "trainable" if of == "total" else "total"
        remark = "what is trained, not the total" if of == "total" else "the total, not what is trained"
        found = [_Named(number, f"{name}: {remark}") for number, name in _possible(parts, quantity, head)]
    for other in _HEADS:
        parts = _parts(architecture, other, labels, None) or {}
        found.append(_Named(sum(parts.values()), f"{model} {_HEADS[other]}"))
    causal = _parts(architecture, "causal", labels, None) or {}
    body = sum(causal.values()) - causal["head"]
    found.append(_Named(body - causal["embeddings"], f"{model} without its embeddings"))
    if not causal["head"]:
        found.append(_Named(body + causal["embeddings"], f"{model} with its tied embeddings counted twice"))
    return found
