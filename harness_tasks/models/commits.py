"""Which commit of a Hub repository was loaded: transformers no longer says it, and the client's cache does."""

import re
from pathlib import Path

FILES = ("config.json", "adapter_config.json", "tokenizer_config.json", "tokenizer.json")
"""What a model, an adapter or a tokenizer is loaded from; one of them is in the cache after any of them was loaded."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


def is_commit(revision: str | None) -> bool:
    """Returns whether a revision is a commit's whole id, which names the same files for ever."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


def commit_of(place: str, revision: str | None = None) -> str | None:
    """Returns the commit that ``place``, a Hub repository, was last loaded from at ``revision`` (None: `main`).

    It is read off the client's cache, without a network: the folder into which the files were downloaded is named by
    their commit. None where ``place`` is a folder, or nothing of it was downloaded.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    if Path(place).expanduser().exists():
        return None
    if is_commit(revision):
        return revision
    for name in FILES:
        try:
            found = try_to_load_from_cache(place, name, revision=revision)
        except HFValidationError:
            return None
        if isinstance(found, str):
            return next(part for part in Path(found).parts[::-1] if is_commit(part))
    return None
