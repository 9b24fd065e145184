"""Scores over training tokens: when there are any, and how many tokens had been read by a step."""

from pathlib import Path
from typing import Any

import pytest

from finetune.kinds import FINETUNE
from report.facts.learning_curves import development_facts, over_tokens
from report.facts.schema.scores import Comparison, MetricScores
from report.facts.schema.training import Trained, WeightChanges
from report.facts.values import missing
from report.facts.weight_changes import change_document, change_facts
from report.reading.results import read_json
from tests.report.some_facts import known
from tests.report.synthetic import change_json, folder_of, write_json, write_study

NAME = "reviews-lora-seed1"


def checkpoint(tokens: int | None, *, task: str = "reviews", after: float | None = 0.9) -> tuple[Any, Any]:
    """Returns the facts of a comparison and of its checkpoint, as far as they are looked at."""

    def of(value: Any, unit: str) -> Any:
        return missing("unknown") if value is None else known(value, unit)

    score = MetricScores.model_construct(primary=True, before=of(0.5, "proportion"), after=of(after, "proportion"))
    comparison = Comparison.model_construct(checkpoint=known(f"of {tokens}"), method=known("lora"), scores=[score])
    return comparison, Trained.model_construct(task=known(task), tokens_input=of(tokens, "count"))


def points(*found: tuple[Any, Any]) -> list[tuple[int, float]] | None:
    comparisons, checkpoints = zip(*found, strict=True)
    shown = over_tokens("reviews", comparisons, checkpoints)
    return [(point.tokens.value, point.score.value) for point in shown.points] if shown else None


def test_checkpoints_of_different_tokens_stand_beside_the_base_model() -> None:
    assert points(checkpoint(100), checkpoint(200, after=0.95)) == [(0, 0.5), (100, 0.9), (200, 0.95)]


@pytest.mark.parametrize(
    "others",
    [
        [],
        [checkpoint(100)],
        [checkpoint(None)],
        [checkpoint(200, after=None)],
        [checkpoint(200, task="passages")],
    ],
)
def test_nothing_is_shown_where_all_read_as_many(others: list[Any]) -> None:
    assert points(checkpoint(100), *others) is None


def test_tokens_of_a_step_are_its_share_of_all_steps(tmp_path: Path) -> None:
    folder, name = folder_of(write_study(tmp_path)), f"checkpoints/{NAME}/finetune.json"
    record = read_json(folder, name, FINETUNE)
    counted = {"steps": record.content["steps"], "tokens": record.content["tokens"]["input"]}
    assert development_facts(record, NAME, **counted) is None
    change_json(folder / name, dev_curve=[{"step": 5, "epoch": 0.4, "loss": 0.9, "accuracy": 0.5}], chosen_step=5)
    found = development_facts(read_json(folder, name, FINETUNE), NAME, **counted)
    assert found is not None
    assert found.curve.value == [[5, 4748, 0.9, 0.5]]  # 12,345 × 5 / 13 = 4748.08
    assert found.curve.source.pointer == "/dev_curve"
    assert found.chosen.value == 5
    assert found.figure.value == f"figures/development-{NAME}.svg"


def test_the_grid_of_changes_has_a_mean_for_each_kind_of_matrix_in_each_layer(tmp_path: Path) -> None:
    def tensor(name: str, layer: int | None, size: float | None, *, trained: bool = True) -> dict[str, Any]:
        digests = {"sha256_before": "a", "sha256_after": "b" if trained else "a"}
        return {"name": name, "layer": layer, "kind": "x", "trained": trained, "relative_change": size, **digests}

    write_json(
        tmp_path / "checkpoints" / "c" / "tensors.json",
        {
            "tensors": [
                tensor("model.embed_tokens.weight", None, 0.5),
                tensor("model.layers.0.attn.q_proj.weight", 0, None, trained=False),
                tensor("model.layers.1.attn.q_proj.weight", 1, 0.2),
                tensor("model.layers.1.attn.q_proj.bias", 1, 0.4),
                tensor("model.layers.1.attn.v_proj.weight", 1, 0.1),
                tensor("model.layers.1.attn.v_proj.bias", 1, None),
                tensor("model.layers.0.norm.weight", 0, None, trained=False),
                tensor("model.layers.1.norm.weight", 1, None, trained=False),
            ]
        },
    )
    found = change_facts(change_document(tmp_path, "checkpoints/c"), "checkpoints/c")
    assert isinstance(found, WeightChanges)
    # Norms were trained nowhere; a bias of zeros has no relative change.
    assert found.grid.value == [[0, "q_proj", None], [1, "q_proj", pytest.approx(0.3)], [1, "v_proj", 0.1]]
    assert found.figure.value == "figures/changes-c.svg"
    write_json(
        tmp_path / "checkpoints" / "c" / "tensors.json",
        {"tensors": [tensor("model.layers.0.norm.weight", 0, None, trained=False)]},
    )
    found = change_facts(change_document(tmp_path, "checkpoints/c"), "checkpoints/c")
    assert isinstance(found, WeightChanges)
    assert found.grid == missing("nothing of a layer was trained")
