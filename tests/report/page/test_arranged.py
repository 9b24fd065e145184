"""What is said once of several checkpoints: sentences that read alike, and settings that all of them share."""

import json
from pathlib import Path
from typing import Any

import pytest

from report.facts.schema.parts import Known, Source
from report.page.arranged import many, recipes, together
from report.page.build import build_report
from tests.report.synthetic import change_json, folder_of, typed, write_study


def known(value: Any) -> Known:
    return Known(value=value, unit="count", source=Source(file="a.json", pointer="/a", sha256="0" * 64))


def said(name: str, checkpoint: str | None, **evidence: Any) -> dict[str, Any]:
    own = {} if checkpoint is None else {"checkpoint": known(checkpoint)}
    return {"id": name, "evidence": {**own, **{slot: known(value) for slot, value in evidence.items()}}}


def told(findings: list[dict[str, Any]]) -> list[tuple[str, list[str], int | None]]:
    """Returns of each sentence its id, the checkpoints that it is said of, and whether these are all."""
    found = []
    for one in together(findings):
        evidence = one["evidence"]
        of = evidence.get("checkpoints", [evidence["checkpoint"]] if "checkpoint" in evidence else [])
        found.append((one["id"], [fact.value for fact in of], evidence.get("every")))
    return found


def test_what_is_the_same_of_all_is_said_of_every_one() -> None:
    assert told([said("a", "x", n=1), said("a", "y", n=1), said("a", "z", n=1)]) == [("a", ["x", "y", "z"], 3)]


def test_one_checkpoint_is_named() -> None:
    assert told([said("a", "x", n=1)]) == [("a", ["x"], None)]


def test_other_values_and_other_sentences_stand_apart_and_in_their_order() -> None:
    findings = [said("a", "x", n=1), said("a", "y", n=2), said("a", "z", n=1), said("b", "w", n=1)]
    assert told(findings) == [("a", ["x", "z"], None), ("a", ["y"], None), ("b", ["w"], None)]


def test_what_is_said_of_no_checkpoint_is_never_put_together() -> None:
    findings = [said("a", None, n=1), said("a", None, n=1), said("b", "x"), said("b", "y")]
    assert told(findings) == [("a", [], None), ("a", [], None), ("b", ["x", "y"], 2)]


def test_the_number_one_is_not_the_text_one() -> None:
    assert len(told([said("a", "x", n=1), said("a", "y", n="1")])) == 2


def trained(tmp_path: Path, one: dict[str, Any], other: dict[str, Any]) -> list[Any]:
    study = write_study(tmp_path)
    for name, recipe in (("reviews-lora-seed1", one), ("passages-lora-seed1", other)):
        change_json(folder_of(study) / f"checkpoints/{name}/finetune.json", recipe=recipe)
    build_report(study, output=folder_of(study), facts_only=True)
    return typed(json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8"))).checkpoints


def shown(found: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Returns the shared settings, and of each table its names and rows."""
    shared = [(row.name.value, row.value.value) for row in found["shared"]]
    tables = [
        (
            [name.value for name in part["names"]],
            [[None if one is None else one.value for one in row["settings"]] for row in part["rows"]],
        )
        for part in found["differing"]
    ]
    return shared, tables


def test_recipes_share_what_is_equal_and_differ_in_the_rest(tmp_path: Path) -> None:
    """Not recorded by one of them is a difference, and so is yes beside 1."""
    one = {"epochs": 2.0, "rows": 5, "chat": True, "rank": 8}
    other = {"epochs": 2.0, "rows": 6, "chat": 1}
    shared, tables = shown(recipes(trained(tmp_path, one, other)))
    assert shared == [("epochs", 2.0)]
    assert tables == [(["rows", "chat", "rank"], [[5, True, 8], [6, 1, None]])]


def test_many_differences_stand_in_several_tables(tmp_path: Path) -> None:
    """Eight settings: six in the first table and two in the second."""
    names = [f"s{i}" for i in range(8)]
    one, other = ({name: i + add for i, name in enumerate(names)} for add in (0, 100))
    _, tables = shown(recipes(trained(tmp_path, one, other)))
    assert [part for part, _ in tables] == [names[:6], names[6:]]
    assert tables[1][1] == [[6, 7], [106, 107]]


def test_one_recipe_has_nothing_to_differ_from(tmp_path: Path) -> None:
    found = recipes(trained(tmp_path, {"epochs": 1.0}, {"epochs": 2.0})[:1])
    assert shown(found) == ([("epochs", 1.0)], [])
    assert not found["several"]


@pytest.mark.parametrize(("length", "is_many"), [(4, False), (5, True)])
def test_five_pictures_of_a_kind_are_folded(length: int, is_many: bool) -> None:
    assert many([0] * length) is is_many
