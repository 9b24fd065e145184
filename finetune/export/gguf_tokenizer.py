"""A tokenizer as GGUF holds it: its tokens by id, their kinds, its merges, and the name of how it splits text first.

llama.cpp knows each way to split text by a name (`tokenizer.ggml.pre`), behind which stands a regular expression in its
code. Here the name is found by what `tokenizer.json` says, and not by the model's: one that says something else is
refused, since the file would be read as other tokens than the checkpoint was trained on.
"""

import json
from typing import Any, NamedTuple

from harness_tasks.errors import UserError

_WHY = "the file has to split a text into the very tokens that the checkpoint was trained on"
_MEND = "merge it (`aftertune merge`), and convert the folder with llama.cpp's convert_hf_to_gguf.py, which knows more"
_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_SPLITS = {_WORDS + r"\p{N}{1,3}" + _REST: "llama-bpe", _WORDS + r"\p{N}" + _REST: "qwen2"}
"""The regular expressions of Llama 3 and of Qwen 2, by llama.cpp's names."""


class Vocabulary(NamedTuple):
    """What GGUF keeps of a tokenizer: a token for each row of embeddings, its kind (`gguf.TokenType`), the merges."""

    pre: str
    tokens: list[str]
    kinds: list[int]
    merges: list[str]


def vocabulary_of(tokenizer: Any, rows: int) -> Vocabulary:
    """Returns the vocabulary of a fast tokenizer for ``rows`` rows of embeddings; one without a token gets one unused.

    Raises:
        UserError: it is no byte-level BPE whose split of text llama.cpp has a name for, or has more tokens than rows.
    """
    from gguf import TokenType

    backend = getattr(tokenizer, "backend_tokenizer", None)
    content = json.loads(backend.to_str()) if backend is not None else {}
    model = content.get("model") or {}
    if (
        model.get("type") != "BPE"
        or model.get("byte_fallback")
        or (content.get("normalizer") or {}).get("type")
        not in (
            None,
            "NFC",
        )
    ):
        raise UserError(f"the tokenizer is no byte-level BPE ({model.get('type') or 'no tokenizer.json'})", _WHY, _MEND)
    pre = _name_of_split(content.get("pre_tokenizer") or {})
    by_id = {place: token for token, place in tokenizer.get_vocab().items()}
    if by_id and max(by_id) >= rows:
        raise UserError(
            f"the tokenizer has tokens up to the id {max(by_id)}, and the model {rows:,} rows of embeddings",
            "a token without a row cannot be read",
            "resize the embeddings (`model.resize_token_embeddings`), and train again",
        )
    added = {one["id"]: one["special"] for one in content.get("added_tokens") or ()}
    kinds = [
        TokenType.UNUSED if place not in by_id
        else TokenType.NORMAL if place not in added
        else TokenType.CONTROL if added[place] else TokenType.USER_DEFINED
        for place in range(rows)
    ]  # fmt: skip
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return Vocabulary(
        pre, [by_id.get(place, f"[PAD{place}]") for place in range(rows)], [int(k) for k in kinds], merges
    )


def _name_of_split(pre: dict[str, Any]) -> str:
    """Returns llama.cpp's name of a pre-tokenizer, which is the JSON of `tokenizer.json`."""
    parts: list[dict[str, Any]] = list(pre.get("pretokenizers") or ()) if pre.get("type") == "Sequence" else [pre]
    *before, last = parts or [{}]
    kinds = [part.get("type") for part in before]
    by_bytes = last.get("type") == "ByteLevel" and not last.get("add_prefix_space")
    splits_words = by_bytes and last.get("use_regex", True)
    if splits_words and not before:
        return "gpt-2"
    if splits_words and kinds == ["Digits"] and before[0].get("individual_digits"):
        return "smollm"
    if by_bytes and not splits_words and kinds == ["Split"] and before[0].get("behavior") == "Isolated":
        pattern = str((before[0].get("pattern") or {}).get("Regex"))
        if pattern in _SPLITS and not before[0].get("invert"):
            return _SPLITS[pattern]
    said = ", ".join(str(part.get("type")) for part in parts)
    raise UserError(f"the tokenizer splits text in a way that has no name here ({said})", _WHY, _MEND)
