"""Adapters on their bases, also such as other programs made: put on as peft does, or refused with the reason."""

import warnings
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.messages import reason_of
from harness_tasks.models.files import ADAPTER, check_folder, refusals


def check_adapter(folder: Path) -> None:
    """Raises `UserError` where a folder holds no adapter that can be merged, or its files are damaged."""
    from peft import PeftConfig
    from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING

    file = folder / "adapter_config.json"
    if not file.is_file():
        below = sorted(path.parent.name for path in folder.glob("*/adapter_config.json"))
        raise UserError(
            f"the folder {folder} holds no adapter_config.json"
            + (f", its folders {', '.join(below)} do" * bool(below)),
            "only an adapter can be merged",
            "name one of the folders in it" if below else "name a checkpoint made with --method lora, dora or qlora",
        )
    if not (folder / "adapter_model.safetensors").is_file():
        raise UserError(
            f"the folder {folder} holds no adapter_model.safetensors",
            "weights are read from safetensors alone: other formats can run code when they are loaded",
            "save the adapter with a current peft",
        )
    check_folder(folder, weights=True)

    def unknown(error: Exception) -> UserError:
        return UserError(
            f"{file} describes no adapter that peft knows ({reason_of(error)})",
            ADAPTER.why,
            "upgrade peft, or save the adapter again",
        )

    with refusals(unknown):
        config = PeftConfig.from_pretrained(str(folder))
    kind = str(getattr(config.peft_type, "value", config.peft_type))
    tuner: Any = PEFT_TYPE_TO_TUNER_MAPPING.get(config.peft_type)
    if config.is_prompt_learning or not hasattr(tuner, "merge_and_unload"):
        raise UserError(
            f"{folder} is an adapter of the kind {kind}",
            "it is nothing that is added to the base's weights, so there is nothing to merge",
            f"score it on its base: --model_args pretrained=BASE,peft={folder}",
        )


def refuse_packed(path: str, config: Any) -> None:
    """Raises `UserError` where a base's own files hold packed weights: what is added to them would be rounded."""
    packed = getattr(config, "quantization_config", None)
    if packed:
        as_dict = packed if isinstance(packed, dict) else packed.to_dict()
        raise UserError(
            f"the base {path} is quantised ({as_dict.get('quant_method', 'unknown method')})",
            "its weights have few levels, and what the adapter adds to them would be rounded away",
            "name the unquantised model with --base, and compare scores; or score the adapter on its base as it is",
        )


def fit_vocabulary(model: Any, adapter: Path) -> None:
    """Gives the base as many embeddings as the adapter's own tensors have, where tokens were added for its training.

    Raises:
        UserError: the tokenizer beside the adapter has ids that neither of them has an embedding for.
    """
    from harness_tasks.models.loading import tensor_shapes

    names = {id(module): name for name, module in model.named_modules()}
    known = {"in": names.get(id(model.get_input_embeddings())), "out": names.get(id(model.get_output_embeddings()))}
    rows = {
        shape[axis]
        for name, shape in tensor_shapes(str(adapter), None).items()
        for which, ending, axis in _ROWS
        if known[which] and name.endswith(f".{known[which]}{ending}") and len(shape) > axis
    }
    have = model.get_input_embeddings().weight.shape[0]
    if rows and max(rows) != have:
        model.resize_token_embeddings(max(rows), mean_resizing=False)
        have = max(rows)
    tokenizer = adapter / "tokenizer.json"
    if tokenizer.is_file():
        from finetune.models import load_tokenizer

        count = len(load_tokenizer(str(adapter), None))
        # a base's own tokenizer may have more tokens than it has embeddings: nothing was added then
        if count > have and count > _tokens_of(model.config.name_or_path):
            raise UserError(
                f"the adapter's tokenizer has {count} tokens, and base and adapter have {have} embeddings",
                "the last ones would be read as nothing, or as random vectors",
                "save the adapter with the embeddings of its added tokens (peft: save_embedding_layers=True)",
            )


def _tokens_of(base: str) -> int:
    """Returns how many tokens a base's own tokenizer has; 0 where it cannot be had."""
    from finetune.models import load_tokenizer

    try:
        return len(load_tokenizer(base, None))
    except UserError:
        return 0


_ROWS = (
    ("in", ".weight", 0),
    ("in", ".base_layer.weight", 0),
    ("in", ".lora_embedding_A", 1),
    ("out", ".weight", 0),
    ("out", ".base_layer.weight", 0),
    ("out", ".lora_B.weight", 0),
)
"""Tensors of an adapter whose size is that of the vocabulary: below which module, how they end, along which axis."""


def put_on(model: Any, adapter: Path) -> Any:
    """Returns peft's model of ``model`` with the adapter in a folder.

    Raises:
        UserError: its tensors do not fit the base, some that it should have are missing, or peft refuses it.
    """
    from peft import PeftModel

    fit_vocabulary(model, adapter)
    with warnings.catch_warnings(record=True) as said, refusals(lambda error: _does_not_fit(adapter, reason_of(error))):
        warnings.simplefilter("always")
        made = PeftModel.from_pretrained(model, str(adapter)).eval()
    missing = [str(one.message) for one in said if "missing adapter keys" in str(one.message)]
    if missing:
        raise _does_not_fit(adapter, missing[0].splitlines()[0][:300])
    return made


def _does_not_fit(adapter: Path, why: str) -> UserError:
    return UserError(
        f"the adapter {adapter} does not fit its base ({why})",
        "its weights belong to other modules, or some would be random",
        "name the base that it was trained on with --base, or save the adapter again with a current peft",
    )
