"""Which base weights a score or a checkpoint is of, and why those of other weights may not be set against each other.

The hash of weights is a commit of the Hub, or the SHA-256 over the weights of a folder.
"""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from report.reading.results import Scores

_COMMIT = re.compile(r"[0-9a-f]{40}")
_ADAPTERS = ("peft", "lora_local_path")
"""The arguments of lm_eval's classes that name an adapter: `hf`'s and vLLM's."""


class _Results(Protocol):
    """A results file of lm_eval."""

    def value(self, *parts: str | int) -> Any: ...


def trained_on_another(weights: str | None, began_with: str | None) -> str | None:
    """Returns why a checkpoint is not known to have been made from the model's weights; None where it is.

    ``weights`` and ``began_with`` are the hashes of the base model and of what the checkpoint was trained from;
    None: not recorded.
    """
    if weights is None:
        return "which weights the base model has is not recorded, neither its commit on the Hub nor a hash"
    if began_with is None:
        return "which base weights the checkpoint was trained from is not recorded"
    if weights != began_with:
        return f"the checkpoint was trained from other base weights ({began_with[:12]}) than these ({weights[:12]})"
    return None


def scored_on_another(weights: str | None, base: Scores | None, after: Scores) -> str | None:
    """Returns why a score is not known to be of the model's weights, or of an adapter on them; None where both are.

    ``weights`` is the hash of the base model, None where it is not recorded. Only a model of the Hub is judged:
    lm_eval records the commit that it loads, and of a folder nothing but its name.
    """
    if weights is None or not _COMMIT.fullmatch(weights):
        return None
    for scores in filter(None, (base, after)):
        arguments = _arguments(scores.results)
        if scores is after and not any(map(arguments.get, _ADAPTERS)):
            continue  # a checkpoint of its own, whole
        commit = commit_scored(scores.results)
        if commit is None:
            return f"{scores.results.file} does not say at which commit the base model was scored"
        if commit != weights:
            return f"{scores.results.file} is of the base model's commit {commit[:12]}, not of {weights[:12]}"
    return None


def commit_scored(results: _Results) -> str | None:
    """Returns the commit of the Hub at which lm_eval loaded the (base) model; None where it is not recorded."""
    revision = str(_arguments(results).get("revision"))
    sha = results.value("config", "model_sha")
    return revision if _COMMIT.fullmatch(revision) else str(sha) if sha else None


def _arguments(results: _Results) -> Mapping[str, Any]:
    """Returns the arguments of lm_eval's model class."""
    given = results.value("config", "model_args") or {}
    return given if isinstance(given, Mapping) else dict(part.partition("=")[::2] for part in str(given).split(","))
