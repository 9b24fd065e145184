"""How many tokens texts have: counted with the tokenizer of a model that the user names, else estimated."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.messages import counted, reason_of

BYTES_A_TOKEN = 2
"""Of the estimate: few tokenizers need more tokens for a text than one for two bytes of UTF-8."""


@lru_cache(maxsize=1)
def tokenizer_of(model: str) -> Any:
    """Returns the tokenizer of a model's folder or Hub id; raises UserError where it cannot be loaded."""
    from transformers import AutoTokenizer

    from harness_tasks.hub.download import fetch_model
    from harness_tasks.models.files import refusals

    def unusable(error: Exception) -> UserError:
        return UserError(
            f"the tokenizer of {model} cannot be loaded ({reason_of(error)})",
            "tokens are counted with it",
            "name a model's folder or Hub id with --model, or leave it out",
        )

    fetch_model(model, None, weights=False)
    with refusals(unusable):
        return AutoTokenizer.from_pretrained(model)


def longest_note(texts: Sequence[str], model: str) -> str:
    """Returns what is said of the tokens of ``texts``: those of the longest, and how many a model cannot read whole.

    What it can read is what its configuration says (`max_position_embeddings`), else its tokenizer.
    """
    from transformers import AutoConfig

    tokenizer = tokenizer_of(model)
    counts = [len(tokenizer.encode(text)) for text in texts]
    try:
        most = getattr(AutoConfig.from_pretrained(model).get_text_config(), "max_position_embeddings", None)
    except (OSError, ValueError):  # a folder with a tokenizer alone
        most = None
    most = most or (tokenizer.model_max_length if tokenizer.model_max_length < 10**9 else None)
    note = f"longest row: {counted(max(counts), 'tokens')} under {model}"
    if most is None:
        return note
    long = sum(count > most for count in counts)
    return f"{note}, which reads {most:,} at once" + (f"; rows with more: {long:,}" if long else "")


def answer_limit(answers: Iterable[str], model: str | None, *, least: int) -> tuple[int, str]:
    """Returns how many tokens an output may have, so that each of ``answers`` and its end fit, and how that was found.

    It is a multiple of 16, and ``least`` at least. With ``model`` tokens are counted, else estimated by bytes.
    """
    if model is None:
        longest = max(-(-len(f" {answer}\n".encode()) // BYTES_A_TOKEN) for answer in answers)
        how = f"one for each {BYTES_A_TOKEN} bytes of the longest answer; --model MODEL counts them"
    else:
        tokenizer = tokenizer_of(model)
        longest = max(len(tokenizer.encode(f" {answer}\n", add_special_tokens=False)) for answer in answers)
        how = f"the longest answer has {longest:,} with its end under {model}"
    return max(least, -(-longest // 16) * 16), how
