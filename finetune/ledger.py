"""Parameter counts: how many parameters a model has, trains and gains, by component.

Everything is counted twice, independently. `count` builds the model (and peft's adapter) on the meta device, without
weights, and adds up its tensors; `closed_form` computes the same numbers from the configuration alone. Where a closed
form is known the two must agree, or `LedgerError` is raised; where none is known the count says so.

What is counted is the deployed model: a tied matrix once, and a head that peft wraps (frozen original beside the
trained copy) once. Formulas are written in numbers, so that a reader can redo the sum.
"""

import copy
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from finetune.heads import TASK_TYPES, Head, check_head, freeze_body, head_of, head_of_task
from finetune.meta import Described, build, described, made, quiet_meta
from finetune.recipe import ADAPTER_METHODS, Method
from finetune.targets import layer_indices, lora_target_names
from harness_tasks.errors import UserError
from harness_tasks.messages import reason_of
from harness_tasks.models.body_name import body_name
from harness_tasks.models.files import refusals

ComponentName = Literal["embeddings", "attention", "MLP", "norms", "head", "adapter", "other"]


class LedgerError(UserError):
    """Two counts of the same parameters disagree: a failed check, not a wrong input."""

    exit_code = 1


@dataclass(frozen=True)
class Component:
    """The counts of a component; all numbers are parameters.

    ``closed_form`` is None where no formula is known for the architecture; ``formula`` then says why. Else ``formula``
    is arithmetic that evaluates to ``closed_form``, with a remark after a semicolon where one is needed.
    """

    component: ComponentName
    counted: int
    closed_form: int | None
    formula: str
    trainable: int


@dataclass(frozen=True)
class Ledger:
    """The parameters of one model.

    ``total``: the deployed model, tied matrices once. ``trainable``: those that training changes.
    ``added``: those that the pre-trained model does not have (a classifier's head, the adapter).
    ``tied``: the size of what shares another's parameters, each further use by itself, and so is not counted again.
    ``head``: one of `Head`, or of a model with none of them (`count_class`) what its class says of it.
    """

    model: str
    architecture: str
    head: str
    total: int
    trainable: int
    added: int
    tied: int
    components: tuple[Component, ...]

    def __getitem__(self, component: ComponentName) -> Component:
        """Returns the component's line; KeyError where the model has none."""
        for line in self.components:
            if line.component == component:
                return line
        raise KeyError(component)

    def closed_form_trainable(self, method: Method) -> int | None:
        """Returns how many parameters ``method`` trains by the closed forms alone, or None where one is unknown.

        That is the adapter and a head that the base has not; the head alone; or everything.
        """
        if method == "full":
            lines = self.components
        else:
            names = ("head",) if method == "head" else ("adapter",) if self.head == "causal" else ("adapter", "head")
            lines = tuple(line for line in self.components if line.component in names)
        forms = [line.closed_form for line in lines]
        return None if None in forms else sum(form for form in forms if form is not None)

    def as_json(self) -> dict[str, Any]:
        """Returns the parameter counts as plain JSON values, with the keys of `aftertune params --json`."""
        return {**asdict(self), "components": [asdict(line) for line in self.components]}


def count(
    config: Any,
    *,
    head: Head = "causal",
    labels: int = 2,
    lora_r: int | None = None,
    lora_targets: Sequence[str] | None = None,
    lora_layers: Sequence[int] | None = None,
    method: Method | None = None,
    name: str | None = None,
) -> Ledger:
    """Returns the parameter counts of a model from its configuration, with a head and perhaps a LoRA adapter.

    ``config``: a transformers configuration; it is not changed.
    ``labels``: width of a sequence-classification head; other heads ignore it.
    ``lora_r``, ``lora_targets``, ``lora_layers``: the adapter's rank, the names of the modules it is put on (default:
    every linear layer but the head) and the indices of the layers (default: all).
    ``method``: default `lora` with a rank and `full` without. `dora` has a magnitude beside each adapted output,
    `qlora` the parameters of `lora` (a packed weight counts as what it stands for), `head` trains the head alone.
    ``name``: how the model is shown.

    Raises `UserError` for values that no model can have, `LedgerError` where counted and closed form differ.
    """
    _check_choice(head, labels, lora_r, lora_targets, lora_layers, method)
    targets, layers = (None if names is None else tuple(names) for names in (lora_targets, lora_layers))
    return _count(described(config), head, labels, lora_r, targets, layers, method, name)


@lru_cache(maxsize=64)
def _count(
    asked: Described,
    head: Head,
    labels: int,
    lora_r: int | None,
    lora_targets: tuple[str, ...] | None,
    lora_layers: tuple[int, ...] | None,
    method: Method | None,
    name: str | None,
) -> Ledger:
    """Returns what `count` returns, counted once: a plan asks for it at each checkpoint and each size of memory."""
    config = asked.config
    with quiet_meta():
        model = build(config, head, labels)
        if method == "head":
            freeze_body(model)
        if lora_r is not None:
            from peft import LoraConfig, get_peft_model

            adapter = LoraConfig(
                r=lora_r,
                target_modules=lora_target_names(model, lora_targets),
                layers_to_transform=layer_indices(config, lora_layers),
                use_dora=method == "dora",
                task_type=TASK_TYPES[head],
            )
            model = get_peft_model(model, adapter)
    return ledger_of(model, name=name)


def count_class(config: Any, model_class: Any, *, name: str | None = None) -> Ledger:
    """Returns the parameter counts of a model of any class of transformers, such as an encoder-decoder.

    No closed form is known for these. Raises `UserError` where the configuration makes no such model.
    """
    with quiet_meta():
        model = made(model_class, copy.deepcopy(config))
    kind = re.search(r"(?:For|With)(\w+)$|(LMHead)Model$", model_class.__name__)
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", next(filter(None, kind.groups()))) if kind else ["none"]
    return _ledger(model, None, "-".join(words).lower(), {}, _anywhere(model), name)


def count_adapter(config: Any, adapter: Any, *, labels: int = 2, name: str | None = None) -> Ledger:
    """Returns the parameter counts of the base model ``config`` with the adapter of peft's configuration ``adapter``.

    The head follows from the adapter's task type (none: causal). ``labels`` is the width of a classification head.
    """
    from peft import get_peft_model

    task = getattr(adapter.task_type, "value", adapter.task_type)
    head = head_of_task(task, mend="give the base model's configuration itself, with --lora-r and --head")
    adapter = copy.deepcopy(adapter)
    adapter.inference_mode = False  # saved adapters have it set, which would make nothing trainable

    def refusal(error: Exception) -> UserError:
        return UserError(
            f"the adapter {name} does not fit its base model",
            f"peft refuses it: {reason_of(error)}",
            "name the model it was trained on with --base",
        )

    with quiet_meta(), refusals(refusal):
        model = get_peft_model(build(config, head, labels), adapter)
    return ledger_of(model, name=name)


def ledger_of(model: Any, *, name: str | None = None) -> Ledger:
    """Returns the parameter counts of a loaded model, plain or peft; ``trainable`` are those that require a gradient.

    Raises `LedgerError` where counted and closed form differ.
    """
    from finetune.closed_form import closed_forms

    base = model.get_base_model() if hasattr(model, "peft_config") else model
    adapter = model.peft_config[model.active_adapter] if hasattr(model, "peft_config") else None
    head = head_of(base)
    forms = closed_forms(base.config, head=head, adapter=adapter)
    return _ledger(base, adapter, head, forms, _parameters(model, base, adapter), name)


_NEW_HEADS = ("-classification", "-answering")
"""How heads are named that are not those of pre-training."""


def _ledger(
    base: Any,
    adapter: Any,
    head: str,
    forms: Mapping[str, tuple[int | None, str]],
    parameters: Iterator[tuple[ComponentName, Any]],
    name: str | None,
) -> Ledger:
    """Returns the parameter counts of ``parameters``, each with its component; ``forms``: closed forms by component."""
    counted: dict[ComponentName, int] = dict.fromkeys(get_args(ComponentName), 0)
    trainable, tied = dict(counted), 0
    seen: set[int] = set()
    for component, parameter in parameters:
        size = _numel(parameter)
        if id(parameter) in seen:
            tied += size
            continue
        seen.add(id(parameter))
        counted[component] += size
        trainable[component] += size if parameter.requires_grad else 0
    if not any(counted.values()):
        raise UserError(
            f"a {type(base).__name__} without a single parameter",
            "one of the sizes in its configuration is 0",
            "compare it with the published config.json of that model",
        )
    components = []
    for component in counted:
        form, formula = forms.get(component, (None, "no closed form"))
        optional = component == "other" or (component == "adapter" and adapter is None)
        if optional and not counted[component]:
            continue
        if form is not None and form != counted[component]:
            raise LedgerError(
                f"{component}: {counted[component]} parameters counted, {form} by the closed form {formula}",
                "one of the two is wrong, so neither may be printed",
                f"report it with the configuration of this {type(base).__name__}",
            )
        components.append(Component(component, counted[component], form, formula, trainable[component]))
    return Ledger(
        model=name or shown_name(getattr(base.config, "name_or_path", "")) or type(base).__name__,
        architecture=type(base).__name__,
        head=head,
        total=sum(counted.values()),
        trainable=sum(trainable.values()),
        added=counted["adapter"] + (counted["head"] if head.endswith(_NEW_HEADS) else 0),
        tied=tied,
        components=tuple(components),
    )


def shown_name(path: str) -> str:
    """Returns how a model given as ``path`` is shown: as given, but of an absolute path only what tells models apart.

    >>> shown_name("meta-llama/Llama-3.2-1B"), shown_name("build/base/"), shown_name("/models/llama/config.json")
    ('meta-llama/Llama-3.2-1B', 'build/base', 'llama')
    """
    given = Path(path).expanduser()
    if not given.is_absolute():
        return path.rstrip("/")
    return given.parent.name if given.name == "config.json" else given.name


def _check_choice(
    head: Head,
    labels: int,
    lora_r: int | None,
    lora_targets: Sequence[str] | None,
    lora_layers: Sequence[int] | None,
    method: str | None,
) -> None:
    check_head(head, labels)
    if lora_r is not None and lora_r < 1:
        raise UserError(
            f"LoRA rank {lora_r}",
            "the rank is the inner width of the adapter's two matrices, so it is at least 1",
            "give a rank such as --lora-r 8, or leave it out to count full fine-tuning",
        )
    if lora_r is None and (lora_targets is not None or lora_layers is not None):
        raise UserError(
            "LoRA targets or layers, but no LoRA rank",
            "without a rank there is no adapter to put on them",
            "add --lora-r, for example --lora-r 8",
        )
    if method is not None and (method in ADAPTER_METHODS) != (lora_r is not None):
        raise UserError(
            f"the method {method} with LoRA rank {lora_r}",
            "the methods lora, dora and qlora need a rank, and full and head have none",
            "give either the method lora with a rank, or the method full without",
        )


def _parameters(model: Any, base: Any, adapter: Any) -> Iterator[tuple[ComponentName, Any]]:
    """Yields each parameter of the deployed model with its component; a shared one as often as it is used."""
    others: set[str] = set()
    prefix = "\0"  # no module's name holds it
    if adapter is not None:
        from peft.mapping import PEFT_TYPE_TO_PREFIX_MAPPING

        others = set(model.peft_config) - {model.active_adapter}
        prefix = PEFT_TYPE_TO_PREFIX_MAPPING.get(adapter.peft_type, prefix)
    body = body_name(base)
    base_names = {id(module): name for name, module in base.named_modules()}
    for _, module in model.named_modules():
        for parameter_name, parameter in module.named_parameters(recurse=False):
            if id(module) not in base_names:  # prompt encoders and the like stand beside the base model
                yield "adapter", parameter
                continue
            path = [*base_names[id(module)].split("."), parameter_name]
            if others.intersection(path):
                continue  # another adapter, not the active one
            if any(part.startswith(prefix) for part in path):
                yield "adapter", parameter
            elif "original_module" not in path:  # peft's frozen copy of what it trains beside it
                yield component_of(module, path, body), parameter


def _anywhere(model: Any) -> Iterator[tuple[ComponentName, Any]]:
    """Yields each parameter of a model of any class with its component; a shared one as often as it is used."""
    import torch

    get = getattr(model, "get_output_embeddings", None)
    try:
        output = get() if get else None
    except (AttributeError, NotImplementedError):  # some classes inherit it and have none
        output = None
    for name, module in model.named_modules():
        for parameter_name, parameter in module.named_parameters(recurse=False):
            path = [*name.split("."), parameter_name]
            known = component_of(module, path, path[0])
            if module is output or path[0] in _HEADS:
                yield "head", parameter
            elif known == "other" and ("embed" in " ".join(path).lower() or isinstance(module, torch.nn.Embedding)):
                yield "embeddings", parameter
            else:
                yield known, parameter


_MLP_LAYERS = frozenset({"fc1", "fc2", "lin1", "lin2"})
"""What OPT, BART, Whisper and DistilBERT call the two layers of an MLP."""

_HEADS = frozenset(
    """
    lm_head classifier score qa_outputs cls generator_lm_head generator_predictions discriminator_predictions
    pre_classifier vocab_transform vocab_layer_norm vocab_projector predictions sop_classifier qa_classifier proj_out
    """.split()  # noqa: SIM905
)
"""What transformers calls heads where they are no output matrix of a language model."""


def component_of(module: Any, path: list[str], body: str) -> ComponentName:
    """Returns the component that a parameter of ``module`` belongs to.

    ``path`` is the parameter's name in the base model, split at its dots; ``body`` is what that model calls its body.
    """
    import torch

    if path[0] != body:
        return "head"
    if isinstance(module, torch.nn.Embedding):
        return "embeddings"
    return "norms" if "Norm" in type(module).__name__ else _by_name(path)


def component_named(name: str) -> ComponentName:
    """Returns the component that a tensor in a file belongs to, by its name alone: there is no model to look at.

    >>> [component_named(name) for name in ("model.embed_tokens.weight", "h.0.ln_1.weight", "lm_head.bias")]
    ['embeddings', 'norms', 'head']
    """
    path = name.split(".")
    if path[0] in _HEADS:
        return "head"
    if any("embed" in part or part in ("wte", "wpe") for part in path) and not any("norm" in part for part in path):
        return "embeddings"
    if any(re.search(r"norm|^ln(_|\d|$)", part.lower()) for part in path[-2:-1]):
        return "norms"
    return _by_name(path)


def _by_name(path: list[str]) -> ComponentName:
    names = " ".join(path).lower()
    if "attn" in names or "attention" in names:
        return "attention"
    if "pooler" in path:  # a layer over the first token, behind all layers
        return "other"
    if not _MLP_LAYERS.isdisjoint(path):
        return "MLP"
    return "MLP" if any(word in names for word in ("mlp", "ffn", "feed_forward", "expert", "dense")) else "other"


def _numel(parameter: Any) -> int:
    """Returns the logical number of parameters, also of a tensor that is packed (4 bit) or partitioned (ZeRO-3)."""
    if hasattr(parameter, "ds_numel"):
        return int(parameter.ds_numel)
    state = getattr(parameter, "quant_state", None)
    return int(math.prod(state.shape)) if state is not None else int(parameter.numel())
