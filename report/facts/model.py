"""Facts of the base model, from `model.json`."""

from pathlib import Path

from harness_tasks.errors import UserError
from report.facts.schema.parts import Absent
from report.facts.schema.study import ModelFacts
from report.facts.schema.training import ParameterCounts
from report.facts.values import recorded
from report.reading import kinds
from report.reading.results import read_json


def model_facts(folder: Path) -> ModelFacts:
    """Returns the base model's card from `model.json`."""
    card = read_json(folder, "model.json", kinds.MODEL)
    text = {
        "name": None,
        "architecture": None,
        "licence": "the study file names no licence",
        "url": "no Hub page is named",
        "source": "the study file does not say where the weights come from",
        "dequantised_from": "the weights were not stored quantised",
        "revision": "the weights are a folder's, which has no commit",
        "fingerprint": None,
        "config_sha256": None,
    }
    counts = ["parameters", "context_length_tokens", "vocabulary", "layers", "hidden_size"]
    return ModelFacts(
        **{key: recorded(card, key, unit="text", absent=reason) for key, reason in text.items()},
        **{key: recorded(card, key, unit="count") for key in counts},
    )


def agree_on_size(model: ModelFacts, ledger: ParameterCounts | Absent) -> None:
    """Sets the size in the model's card to the counted one; raises UserError where the two state different sizes."""
    if isinstance(ledger, Absent):
        return
    one, two = model.parameters.value, ledger.total.value
    if one is not None and two is not None and one != two:
        raise UserError(
            f"model.json says {one} parameters, parameters/base.json counts {two}",
            "the page would contradict itself",
            "delete both files and run the study again",
        )
    if one is None:
        model.parameters = ledger.total
