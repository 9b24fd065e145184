"""A tokenizer's files as data: its tokens, what it is set to, its chat template; and two of them beside each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from finetune.elsewhere.recorded import mapping
from finetune.elsewhere.sides import Side
from harness_tasks.files import sha256_file, sha256_json
from harness_tasks.kinds import Count, Text
from harness_tasks.models.files import TOKENIZER
from harness_tasks.reading import Kind

SAME_TOKENS = 0.9
"""The share of a base's tokens that must have the same id, below which a vocabulary is another model's."""
SETTINGS = ("bos_token", "eos_token", "pad_token", "unk_token", "add_bos_token", "add_eos_token", "padding_side",
            "truncation_side", "model_max_length")  # fmt: skip
HARMLESS = ("pad_token", "padding_side", "truncation_side", "model_max_length")
"""Settings that change no prompt: of padding, which is masked, and of truncation, which scoring does not use."""


class _Added(TypedDict):
    id: Count
    content: Text


class _Tokens(TypedDict, total=False):
    added_tokens: list[_Added]
    model: Annotated[dict[Text, Any], Field()]


TOKENS = Kind(
    "the tokenizer",
    "a model's prompts are made with its tokenizer",
    "give the files that save_pretrained wrote, whole",
    limit_mib=256,
    schema=_Tokens,
)
TEMPLATE = Kind("the chat template", "prompts are made with it", "save it as UTF-8 text", limit_mib=4)


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer: the id of each token, the added ones among them, its settings, and hashes of what else shapes ids.

    ``vocabulary`` is None where there is no tokenizer.json that can be read. ``rest``: by name, such as `merges`.
    """

    vocabulary: Mapping[str, int] | None
    added: frozenset[str]
    settings: Mapping[str, Any]
    rest: Mapping[str, str]
    template: str | None


@lru_cache(maxsize=4)  # of a large vocabulary the file takes a second to read
def tokenizer_of(side: Side) -> Tokenizer | None:
    """Returns the tokenizer in a side's folder; None where it has none of its own."""
    names = side.files.names("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "spiece.model", "vocab.json")
    if not names:
        return None
    settings = mapping(side.files.json("tokenizer_config.json", TOKENIZER))
    content = mapping(side.files.json("tokenizer.json", TOKENS))
    model = mapping(content.get("model"))
    vocabulary = _vocabulary(model.get("vocab"))
    added = {entry["content"]: entry["id"] for entry in content.get("added_tokens") or []}
    template = side.files.text("chat_template.jinja", TEMPLATE)
    if template is None and isinstance(settings.get("chat_template"), str):
        template = settings["chat_template"]
    parts = {name: content.get(name) for name in ("normalizer", "pre_tokenizer", "post_processor")}
    parts["merges"] = [
        merge if isinstance(merge, str) else " ".join(map(str, merge)) for merge in _list(model, "merges")
    ]
    rest = {name: sha256_json(part) for name, part in parts.items()} if content else {}
    if not content:
        rest = {name: sha256_file(side.folder / name) for name in names if name != "tokenizer_config.json"}
    return Tokenizer(
        vocabulary={**vocabulary, **added} if content else None,
        added=frozenset(added),
        settings={name: value for name in SETTINGS if (value := _setting(settings.get(name))) is not None},
        rest=rest,
        template=template,
    )


def is_other_vocabulary(given: Mapping[str, int], own: Mapping[str, int]) -> int | None:
    """Returns how many of a model's ``own`` tokens have the same id in ``given``, where that says it is another's.

    None where it is the model's own vocabulary, perhaps with tokens added.
    """
    same = sum(given.get(token) == number for token, number in own.items())
    return same if same < SAME_TOKENS * len(own) else None


def _vocabulary(given: Any) -> dict[str, int]:
    """Returns tokens and ids of a mapping, or of a Unigram model's list of tokens with their scores."""
    if isinstance(given, dict):
        return {token: number for token, number in given.items() if isinstance(number, int)}
    pairs = given if isinstance(given, list) else []
    return {str(pair[0]): i for i, pair in enumerate(pairs) if isinstance(pair, list) and pair}


def _list(values: Mapping[str, Any], key: str) -> list[Any]:
    found = values.get(key)
    return found if isinstance(found, list) else []


def _setting(value: Any) -> Any:
    """Returns a setting as text or number; a token may be written as a mapping; no limit is a very large number."""
    if isinstance(value, dict):
        value = value.get("content")
    return None if isinstance(value, int | float) and value > 1e18 else value
