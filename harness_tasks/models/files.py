"""A model's or adapter's files, checked before transformers, peft or tokenizers read them, which trust what they find.

They wait for a pipe, read a device without end, and raise any kind of exception for a value of the wrong type.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from harness_tasks.errors import UserError
from harness_tasks.kinds import MERGED, TRAINED, Number, Text
from harness_tasks.messages import reason_of
from harness_tasks.models.weights import safetensors_in, tensors_of
from harness_tasks.reading import Kind, check_file, parse_yaml, read_json, read_text

DESCRIPTION = ("*.json", "*.txt", "*.model", "*.jinja")
"""A model's configuration and tokenizer, by the patterns of their files' names."""
MOST_PARTS = 20_000
"""More layers or experts than any model has: a number that is damaged, and that many would be made."""

Name = Annotated[str, Field(max_length=1000)]


class _Configuration(TypedDict, total=False):
    model_type: Text
    architectures: list[Text] | None
    dtype: Text | None
    torch_dtype: Text | None


class _Adapter(TypedDict, total=False):
    """What is read of an adapter's configuration; of LoRA's own keys, those that peft takes without a look at them."""

    base_model_name_or_path: Name | None
    revision: Name | None
    task_type: Text | None
    peft_type: Text | None
    r: Annotated[int, Field(ge=0, lt=2**20)]
    lora_alpha: Number
    lora_dropout: Number
    target_modules: list[Text] | Text | None
    exclude_modules: list[Text] | Text | None
    modules_to_save: list[Text] | None
    layers_to_transform: list[int] | int | None
    layers_pattern: list[Text] | Text | None
    rank_pattern: dict[str, int] | None
    alpha_pattern: dict[str, Number] | None
    use_dora: bool
    use_rslora: bool
    fan_in_fan_out: bool


class _Tokenizer(TypedDict, total=False):
    tokenizer_class: Text | None
    model_max_length: Number | None
    chat_template: Text | list[dict[str, Any]] | None


def _of_so_many_parts(config: Any) -> Any:
    # Before the schema, which leaves out the keys that it does not name.
    for key, number in _counts(config) if isinstance(config, dict) else ():
        if number > MOST_PARTS:
            raise ValueError(f"`{key}` is {number}, and no model has more than {MOST_PARTS:,} of them")
        if number < 0 and re.fullmatch(r"n_layers?|num_(hidden_)?layers", key):
            raise ValueError(f"`{key}` is {number}, and no model has fewer layers than none")
    return config


def _counts(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yields how many layers and experts a configuration and those within it ask for, by name."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _counts(value)
        elif type(value) is int and re.search(r"layers?$|experts$|depth$|blocks$", key):
            yield str(key), value


_WHOLE = "give the files that save_pretrained wrote, whole"
CONFIGURATION = Kind(
    "the model's configuration",
    "the model's kind and its sizes are read from it",
    _WHOLE,
    limit_mib=64,
    schema=Annotated[_Configuration, BeforeValidator(_of_so_many_parts)],
    finite=False,  # older versions of transformers wrote a bare Infinity
)
ADAPTER = Kind(
    "the adapter's configuration",
    "it says of what kind the adapter is and where it belongs",
    "save the adapter again with a current peft",
    limit_mib=64,
    schema=_Adapter,
    finite=False,
)
TOKENIZER = Kind(
    "the tokenizer's configuration",
    "a model's prompts are made with its tokenizer",
    _WHOLE,
    limit_mib=64,
    schema=_Tokenizer,
    finite=False,
)
GENERATION = Kind(
    "the model's generation configuration",
    "by it the model writes its answers",
    _WHOLE,
    limit_mib=64,
    schema=dict[str, Any],
    finite=False,
)
CARD = Kind(
    "the model's card", "it says what the model was trained on, and its licence", "save it as UTF-8", limit_mib=4
)
OTHER = Kind("the model's file", "the model is loaded with it", _WHOLE, limit_mib=1024)
KINDS = {
    "config.json": CONFIGURATION,
    "adapter_config.json": ADAPTER,
    "tokenizer_config.json": TOKENIZER,
    "generation_config.json": GENERATION,
    "finetune.json": TRAINED,
    "merged_from.json": MERGED,
}
"""By the name that a file has in every model's folder; whoever else reads one reads it so."""


def here(place: str) -> Path | None:
    """Returns the file or folder that ``place`` names on this machine; None where it names none."""
    path = os.path.expanduser(place)
    return Path(path) if os.path.exists(path) else None  # unlike Path's own, also for what no path can be


def check_folder(folder: Path, *, weights: bool) -> None:
    """Raises `UserError` where a model's or adapter's folder holds what a library must not be left to read.

    Configuration and tokenizer, and with ``weights`` the safetensors files, of which the headers are read.
    """
    for path in sorted(folder.iterdir()):
        if kind := KINDS.get(path.name):
            read_json(path, kind)
        elif any(fnmatch(path.name, pattern) for pattern in DESCRIPTION):
            check_file(path, OTHER)
    for path in safetensors_in(folder) if weights else ():
        tensors_of(path)


def front_matter(card: Path) -> dict[str, Any]:
    """Returns what stands in YAML at the head of a model's card; empty where nothing does that can be read.

    Raises:
        UserError: the card is no text of a card's size.
    """
    found = re.match(r"---\n(.*?)\n---\s*(\n|$)", read_text(card, CARD), re.DOTALL)
    try:
        values = parse_yaml(found[1], card, CARD) if found else None
    except UserError:  # the Hub is as lenient
        values = None
    return values if isinstance(values, dict) else {}


def cannot_load(place: Any) -> Callable[[Exception], UserError]:
    """Returns what makes the error for a model, or an adapter on it, that a library cannot load."""

    def error_of(error: Exception) -> UserError:
        return UserError(
            f"{place} cannot be loaded ({reason_of(error)})",
            "it is the model that is asked",
            "name a folder whose files are complete, or a Hub id, and look at the other --model_args",
        )

    return error_of


@contextmanager
def refusals(error_of: Callable[[Exception], UserError]) -> Iterator[None]:
    """Turns what libraries raise inside, over files that they cannot use, into the error that ``error_of`` returns.

    They raise exceptions of every kind there. What is no fault of a file, a lack of memory, passes.
    """
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError":
            raise
        raise error_of(error) from None


def cannot_spell(place: Any) -> Callable[[Exception], UserError]:
    """Returns what makes the error for a model whose tokenizer, or chat template, fails on a prompt."""

    def error_of(error: Exception) -> UserError:
        return UserError(
            f"the tokenizer of {place} cannot be used ({reason_of(error)})",
            "the model is asked in its tokens",
            "name one that has a start or an end token, and a chat template that takes the task's messages, as "
            "`tokenizer` in --model_args",
        )

    return error_of
