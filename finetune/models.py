"""The model of a run: loaded with its head and its method, saved, and loaded again.

A base model's weights are read as they are, the head that a classifier or a span reader needs is new, and what the
method trains is the only thing that requires a gradient.
"""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer

from finetune import machine
from finetune.four_bit import check_four_bit, four_bit_config, keep_layout
from finetune.heads import (
    TASK_TYPES,
    Head,
    auto_class,
    check_head_method,
    freeze_body,
    head_modules,
    head_named,
    head_of,
    head_of_task,
    model_class,
    without_adapter,
)
from finetune.kinds import FINETUNE
from finetune.recipe import ADAPTER_METHODS
from finetune.run import Run
from finetune.sizes import layer_count
from finetune.targets import layer_indices, lora_target_names
from harness_tasks.errors import UserError
from harness_tasks.files import usual_modes, write_text
from harness_tasks.hub.download import fetch_model
from harness_tasks.messages import reason_of
from harness_tasks.models.body_name import body_name
from harness_tasks.models.files import ADAPTER, refusals
from harness_tasks.models.language_models import refuse_encoder
from harness_tasks.models.loading import in_own_dtype, quiet, renamed_body, warn_of_layers_left_out
from harness_tasks.reading import read_json

PEFTS_HEADS = ("classifier", "score", "qa_outputs")
"""Heads that peft trains and saves of itself, by the adapter's task type."""


def load_config(model: str, revision: str | None) -> Any:
    """Returns the model's transformers configuration.

    Raises:
        UserError: ``model`` is no model, or is an adapter.
    """
    if Path(model, "adapter_config.json").is_file():
        raise UserError(
            f"the folder {model} holds an adapter",
            "training starts from a complete model, and transformers would put the adapter's base in its place",
            f"merge it first: aftertune merge {model} --output FOLDER, and name that folder",
        )
    fetch_model(model, revision, weights=False)
    with refusals(lambda error: _no_model(model, error)):
        return AutoConfig.from_pretrained(model, revision=revision, trust_remote_code=False)


def load_tokenizer(place: str, revision: str | None) -> Any:
    """Returns the tokenizer of a folder or a Hub id; raises `UserError` where there is none."""
    fetch_model(place, revision, weights=False)
    with refusals(lambda error: _no_model(place, error)):
        return AutoTokenizer.from_pretrained(place, revision=revision, trust_remote_code=False)


def check_method(run: Run, config: Any) -> None:
    """Raises UserError where the resolved run's method or head does not fit the model or this machine.

    It does not where the architecture has no such head, or reads in both directions and is to write; `head` not with a
    causal LM whose head is the embedding matrix; `qlora` not where bitsandbytes cannot run.
    """
    model_class(config, run.head)
    if run.head == "causal":
        if getattr(config, "is_encoder_decoder", False):
            raise UserError(
                f"{run.model} is an encoder-decoder ({config.model_type}), to be trained as a causal language model",
                "its decoder alone would be trained, without the encoder that it is scored with",
                "name a decoder: a model that reads and writes one sequence",
            )
        refuse_encoder(run.model, config)
    if run.method == "head":
        check_head_method(config, run.head)
    if run.method == "qlora":
        check_four_bit(str(run.device))


def load_model(run: Run, config: Any, *, labels: tuple[str, ...], pad_id: int) -> Any:
    """Returns the base model with the run's head and method, ready to be trained, on the CPU (`qlora`: on its device).

    Frozen weights are in the run's dtype. What is trained is in float32, since a bfloat16 weight loses updates below
    about 1/256 of itself; so is every head that is new. A head's first weights are random: the caller sets the seed.

    Args:
        config: the base model's configuration, which is left alone.
        labels: a classifier's labels, in the order of the task's choices; else ().
        pad_id: fills batches up; a classifier reads the last token that is another.

    Raises:
        UserError: weights that cannot be read, are missing, or are those of a head with another number of labels.
    """
    dtype = getattr(torch, run.dtype) if run.method != "full" else torch.float32
    four_bit_on = run.device if run.method == "qlora" else None
    config_with_head = _with_head(config, run.head, labels, pad_id)
    model = _read(
        run.model,
        config=config_with_head,
        head=run.head,
        dtype=dtype,
        revision=run.revision,
        four_bit_on=four_bit_on,
    )
    if run.head != "causal" or run.method == "head":
        _head_in_float32(model)
    if run.method == "head":
        freeze_body(model)
    if run.method not in ADAPTER_METHODS:
        return model
    from peft import get_peft_model

    return get_peft_model(model, lora_config(run, config, model), revision=run.revision)


def check_weights(run: Run, config: Any, *, labels: tuple[str, ...], pad_id: int) -> None:
    """Raises, as `load_model` does, where the folder that a run names lacks what that will ask for.

    No value of a tensor is read. A base that is packed is left to it.
    """
    if getattr(config, "quantization_config", None) is None:
        config = _with_head(config, run.head, labels, pad_id)
        _read(run.model, config=config, head=run.head, dtype=torch.float32, revision=run.revision, valueless=True)


def lora_config(run: Run, config: Any, model: Any) -> Any:
    """Returns peft's configuration of the run's adapter on ``model``; raises `UserError` for modules it has not."""
    from peft import LoraConfig

    recipe = run.recipe
    new = [] if run.head == "causal" else [name for name in head_modules(model) if name not in PEFTS_HEADS]
    return LoraConfig(
        r=recipe.lora_r,
        lora_alpha=recipe.lora_alpha or 2 * recipe.lora_r,
        lora_dropout=recipe.lora_dropout,
        target_modules=lora_target_names(model, recipe.named_targets),
        layers_to_transform=layer_indices(config, recipe.last_layers(layer_count(config, run.head))),
        use_dora=run.method == "dora",
        modules_to_save=new or None,
        task_type=TASK_TYPES[run.head],
    )


def save_model(model: Any, tokenizer: Any, folder: Path, *, pad_id: int | None, stop_ids: tuple[int, ...]) -> None:
    """Writes the weights (safetensors) and the tokenizer, and sees to it that they agree on padding and on the end.

    The tokenizer gets ``pad_id`` where that is a special token, since any other would no longer be text; then, and for
    a classifier or span reader always, so does the configuration. Generation ends at ``stop_ids`` as well as at the
    base's own ends, and is greedy, as tasks are scored; the tokenizer keeps its end token, which is one of them. Beside
    an adapter stand the configuration of a classifier or span reader (labels, padding) and a causal LM's generation
    configuration, which peft leaves out.
    """
    base = without_adapter(model)
    is_adapter, head = base is not model, head_of(base)
    tokenizer = copy.deepcopy(tokenizer)
    is_special = pad_id in {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    if pad_id is not None and is_special:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(pad_id)
    if pad_id is not None and (is_special or head != "causal"):
        base.config.pad_token_id = pad_id
    generation = getattr(base, "generation_config", None) if head == "causal" else None
    if generation is not None:
        _make_greedy(generation)
        generation.pad_token_id = getattr(base.config, "pad_token_id", None)
        if stop_ids:
            own = getattr(base.config, "eos_token_id", None)
            ends = _ids(stop_ids, tokenizer.eos_token_id, own, generation.eos_token_id)
            base.config.eos_token_id = generation.eos_token_id = ends if len(ends) > 1 else ends[0]
    model.save_pretrained(folder)
    if not is_adapter:
        # float32 beside bfloat16, as `head` leaves it, loses nothing when it is all read as float32
        widest = max((parameter.dtype for parameter in base.parameters()), key=lambda dtype: dtype.itemsize)
        base.config.dtype = widest
    if not is_adapter or head != "causal":
        config = copy.deepcopy(base.config)
        config.architectures = [type(base).__name__]
        vars(config).pop("quantization_config", None)  # how QLoRA's base was read, not how its files are
        config.save_pretrained(folder)
    if is_adapter and generation is not None:
        generation.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    _compact(folder / "tokenizer.json")
    usual_modes(Path(folder))


def _make_greedy(generation: Any) -> None:
    """Sets a generation configuration to what the task is scored with: the likeliest token each time."""
    generation.do_sample = False
    for sampling in ("temperature", "top_p", "top_k", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff"):
        setattr(generation, sampling, None)


def _compact(path: Path) -> None:
    """Writes a tokenizer's file anew without indentation, and its merges as text: it is else twice the base's."""
    if not path.is_file():
        return
    values = json.loads(path.read_text(encoding="utf-8"))
    merges = (values.get("model") or {}).get("merges") or []
    is_plain = all(isinstance(pair, list) and not any(" " in part for part in pair) for pair in merges)
    if merges and is_plain:
        values["model"]["merges"] = [" ".join(pair) for pair in merges]
    write_text(path, json.dumps(values, ensure_ascii=False, separators=(",", ":")))


def load_checkpoint(folder: Path, *, dtype: torch.dtype | None = None, base: str | None = None) -> Any:
    """Returns a checkpoint's model, an adapter (on its base) or a whole one, with the head it was trained with.

    Args:
        dtype: of the weights that were frozen, as in training; None takes the base model's or the checkpoint's own.
        base: where an adapter's base model is; None takes what the adapter names.

    Raises:
        UserError: no checkpoint there, or its base model cannot be loaded.
    """
    if (folder / "adapter_config.json").is_file():
        from finetune.foreign import put_on

        return put_on(load_base(folder, dtype=dtype, base=base), folder)
    config = load_config(str(folder), None)
    dtype = dtype or config.dtype or torch.float32
    head = head_named(" ".join(config.architectures or []))
    # read in float32, so that a head that was saved in it is not rounded
    model = _read(str(folder), config=config, head=head, dtype=torch.float32, of_base=False)
    if dtype != torch.float32:
        tied = head == "causal" and config.tie_word_embeddings
        body = model if tied else getattr(model, body_name(model))
        to_dtype(body, dtype)
        if not tied:
            _head_in_float32(model)
    return model.eval()


def load_base(
    adapter: Path, *, dtype: torch.dtype | None = None, base: str | None = None, unpacked: bool = False
) -> Any:
    """Returns the base model that an adapter's folder names, with the adapter's head, its weights still random.

    It is packed in 4 bits where the adapter was trained on such a base (its `finetune.json` says so). ``unpacked``, or
    in another ``dtype`` than training's, it has the values that the packed weights stand for, which is not the base as
    it was. ``dtype`` is as in `load_checkpoint`, and so are the errors.
    """
    path, revision, head = base_of(adapter, base)
    config = base_config(path, revision)
    packed_from = _packed_from(adapter)
    dtype = dtype or packed_from or config.dtype or torch.float32
    if (adapter / "config.json").is_file():  # a classifier's or span reader's own, with its labels and its padding
        with refusals(lambda error: _no_model(str(adapter), error)):
            config = AutoConfig.from_pretrained(adapter, trust_remote_code=False)
    four_bit_on = machine.resolve_device(None) if packed_from else None
    read_as = packed_from or dtype  # packed from another dtype, some weights would move to a neighbouring level
    model = _read(
        path,
        config=config,
        head=head,
        dtype=read_as,
        revision=revision,
        four_bit_on=four_bit_on,
        error_of=_no_base,
    )
    if packed_from and (unpacked or packed_from != dtype):
        model = model.dequantize()
        to_dtype(model, dtype)
    if head != "causal":
        _head_in_float32(model)
    return model


def _packed_from(adapter: Path) -> torch.dtype | None:
    """Returns the dtype in which an adapter's base was read before it was packed in 4 bits; None where it was not."""
    record = adapter / "finetune.json"
    made = read_json(record, FINETUNE) if record.is_file() else {}
    if made.get("method") != "qlora":
        return None
    if made.get("dtype") not in ("float32", "bfloat16", "float16"):
        raise UserError(
            f"{record} says that the base was packed in 4 bits, and from the dtype {made.get('dtype')}",
            "packed from another dtype, some weights would be on a neighbouring level",
            FINETUNE.mend,
        )
    dtype: torch.dtype = getattr(torch, made["dtype"])
    return dtype


def base_dtype(adapter: Path, *, base: str | None = None) -> torch.dtype:
    """Returns the dtype in which an adapter's base model is kept; raises `UserError` where there is none."""
    path, revision, _ = base_of(adapter, base)
    return base_config(path, revision).dtype or torch.float32


def to_dtype(module: Any, dtype: torch.dtype) -> None:
    """Changes the dtype of the parameters, and not, as `module.to` would, of the frequencies of RoPE."""
    for parameter in module.parameters():
        parameter.data = parameter.data.to(dtype)


def base_of(adapter: Path, base: str | None) -> tuple[str, str | None, Head]:
    """Returns where an adapter's base model is, its revision, and the head it is loaded with."""
    settings = read_json(adapter / "adapter_config.json", ADAPTER)
    if not (base or settings.get("base_model_name_or_path")):
        raise UserError(
            f"the adapter {adapter} names no base model",
            "its weights are differences from one",
            "name the base that it was trained on with --base",
        )
    head = head_of_task(settings.get("task_type"), mend="name a checkpoint that `aftertune train` made")
    return base or settings["base_model_name_or_path"], None if base else settings.get("revision"), head


def base_config(path: str, revision: str | None) -> Any:
    """Returns the configuration of an adapter's base model; raises `UserError` where there is none."""
    try:
        fetch_model(path, revision, weights=False, otherwise=_WHERE_THE_BASE_IS)
    except UserError as error:
        raise type(error)(
            f"the adapter's base model {path} cannot be loaded: {error.found}",
            "the adapter's weights are differences from it",
            error.mend,
        ) from None
    with refusals(lambda error: _no_base(path, error)):
        return AutoConfig.from_pretrained(path, revision=revision, trust_remote_code=False)


_WHERE_THE_BASE_IS = "run the command where that path is found, or name the base with --base"


def _no_base(path: str, error: Exception) -> UserError:
    return UserError(
        f"the adapter's base model {path} cannot be loaded ({reason_of(error)})",
        "the adapter's weights are differences from it",
        _WHERE_THE_BASE_IS,
    )


def _read(
    place: str,
    *,
    config: Any,
    head: Head,
    dtype: torch.dtype,
    revision: str | None = None,
    four_bit_on: str | None = None,
    of_base: bool = True,
    valueless: bool = False,
    error_of: Callable[[str, Exception], UserError] | None = None,
) -> Any:
    """Returns the model with a head, read from ``place``; a base's head may be new, nothing else may be missing.

    ``valueless``: from the headers of its files, on the meta device. Raises `UserError`: ``error_of``'s (unset: that
    there is no model) where transformers cannot read it.
    """
    fetch_model(place, revision)
    packing: dict[str, Any] = {"device_map": "meta"} if valueless else {}
    if four_bit_on is not None:
        with torch.device("meta"):
            heads = list(head_modules(model_class(config, head)._from_config(copy.deepcopy(config))))
        packing = {"quantization_config": four_bit_config(dtype, keep=heads), "device_map": {"": four_bit_on}}
    mapping = renamed_body(auto_class(head), config)

    def refusal(error: Exception) -> UserError:
        if isinstance(error, RuntimeError) and head != "causal":  # transformers raises it for shapes that differ
            return UserError(
                f"the weights of {place} do not fit a {head} head with {config.num_labels} labels ({reason_of(error)})",
                "a head that was trained for other labels cannot be trained further",
                "start from the base model, not from a classifier trained on another task",
            )
        return (error_of or _no_model)(place, error)

    with quiet(), refusals(refusal):
        model, found = model_class(config, head).from_pretrained(
            place, revision=revision, config=config, dtype=dtype, key_mapping=mapping,
            trust_remote_code=False, output_loading_info=True, **packing,
        )  # fmt: skip
    keep_layout(model)
    # else save_pretrained would undo the renaming, and nobody could load what it wrote
    vars(model).pop("_weight_conversions", None)
    new = set(head_modules(model)) if of_base and head != "causal" else set()
    missing = sorted(name for name in found["missing_keys"] if name.partition(".")[0] not in new)
    if missing:
        raise UserError(
            f"{place} has no weights for {len(missing)} tensors of {type(model).__name__}, the first {missing[0]}",
            "they would be random, and training would look healthy anyway",
            "name a model whose files are complete",
        )
    warn_of_layers_left_out(place, model, found["unexpected_keys"])
    return model


def _with_head(config: Any, head: Head, labels: tuple[str, ...], pad_id: int) -> Any:
    config = copy.deepcopy(config)
    if head == "causal":
        return config
    config.pad_token_id = pad_id
    if head == "sequence-classification":
        config.num_labels = len(labels)
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: i for i, label in enumerate(labels)}
    return config


def _head_in_float32(model: Any) -> None:
    """Makes the head float32, and its input where the body's is not."""
    for module in head_modules(model).values():
        module.float()
        module.register_forward_pre_hook(in_own_dtype)


def _ids(*given: Any) -> list[int]:
    """Returns the token ids among ``given`` (None, an id, or several), each once, in their order."""
    several = [[] if ids is None else [ids] if isinstance(ids, int) else list(ids) for ids in given]
    return list(dict.fromkeys(i for ids in several for i in ids))


def _no_model(place: str, error: Exception) -> UserError:
    if Path(place).exists():
        return UserError(
            f"the folder {place} is not a model that transformers can load ({reason_of(error)})",
            "training starts from a model's configuration, tokenizer and weights",
            "name a folder that holds config.json, tokenizer.json and *.safetensors, or a Hub id",
        )
    return UserError(
        f"the model {place} is not a folder here, and the Hub did not provide it ({reason_of(error)})",
        "training starts from a model's configuration, tokenizer and weights",
        "check the name and the network (and `hf auth login` for a gated model), or name a local folder",
    )
