"""Leaderboards: order, ranks that are honest about ties, Holm over all pairs, and who beats whom."""

import random
from pathlib import Path
from typing import Any

import pytest
from statsmodels.stats.multitest import multipletests

from tests.report.compare.lm_eval_folders import compared, right, write_folder


def board(root: Path, models: dict[str, list[float]], **options: Any) -> dict[str, Any]:
    for model, items in models.items():
        write_folder(root, model, {"even": items}, **options)
    return compared([root])["tasks"][0]["boards"][0]


def ranks(found: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {row["entry"]["value"]: (row["best"]["value"], row["worst"]["value"]) for row in found["rows"]}


def test_models_that_no_test_separates_share_a_range(tmp_path: Path) -> None:
    # Near and first differ in one item; both differ from last in 80 or 79.
    found = board(tmp_path, {"last": right(10, 100), "near": right(89, 100), "first": right(90, 100)})
    assert list(ranks(found).items()) == [("first", (1, 2)), ("near", (1, 2)), ("last", (3, 3))]
    assert [[cell["is"] for cell in row] for row in found["matrix"]] == [
        ["itself", "open", "beats"],
        ["open", "itself", "beats"],
        ["loses to", "loses to", "itself"],
    ]
    assert found["matrix"][2][0]["difference"]["value"] == pytest.approx(-0.8)
    assert [name["value"] for name in found["rows"][1]["beats"]] == ["last"]


def test_holms_correction_covers_all_pairs_of_the_board(tmp_path: Path) -> None:
    chance = random.Random(4)
    models = {f"m{n}": [float(chance.random() < 0.5 + n / 12) for _ in range(60)] for n in range(5)}
    found = board(tmp_path, models)
    ps = [pair["p_value"]["value"] for pair in found["pairs"]]
    assert len(ps) == found["tests"]["value"] == 10
    expected = multipletests(ps, method="holm")[1]
    assert [pair["adjusted"]["value"] for pair in found["pairs"]] == pytest.approx(list(expected))
    # A place in the order is always within the range that is given for it.
    for place, (best, worst) in enumerate(ranks(found).values(), 1):
        assert best <= place <= worst


def test_where_less_is_better_the_least_comes_first(tmp_path: Path) -> None:
    found = board(tmp_path, {"big": right(90, 100), "small": right(10, 100)}, metric="brier", better=False)
    assert list(ranks(found).items()) == [("small", (1, 1)), ("big", (2, 2))]
    assert found["pairs"][0]["verdict"] == "first"


def test_where_no_file_says_what_is_better_there_are_no_ranks(tmp_path: Path) -> None:
    models = {"big": right(90, 100), "middle": right(89, 100), "small": right(10, 100)}
    found = board(tmp_path, models, better=None, metric="mine")
    assert found["rows"][0]["best"] == {"missing": "no file says whether higher is better"}
    # A difference that is established is no "untested" one, whichever way is the better.
    assert [cell["is"] for cell in found["matrix"][0]] == ["itself", "open", "differs"]
    assert found["pairs"][1]["p_value"]["value"] < 0.001
    assert [pair["verdict"] for pair in found["pairs"]] == ["open", "differs", "differs"]


def test_a_pair_that_is_refused_narrows_no_range(tmp_path: Path) -> None:
    write_folder(tmp_path, "one", {"even": right(90, 100)})
    found = board(tmp_path, {"other": right(10, 100)}, version=2.0)
    assert list(ranks(found).values()) == [(1, 2), (1, 2)]
    assert found["pairs"][0]["refused"] == {"missing": "the task's version differs: 1.0 and 2.0"}
    assert found["matrix"][0][1] == {"is": "not compared", "difference": found["pairs"][0]["refused"]}
    assert found["tests"]["value"] == 0


def test_a_model_alone_is_first(tmp_path: Path) -> None:
    assert ranks(board(tmp_path, {"one": right(3, 4)})) == {"one": (1, 1)}


def test_a_cost_is_what_the_files_say_and_else_missing(tmp_path: Path) -> None:
    write_folder(tmp_path, "one", {"even": right(3, 4), "odd": right(3, 4)})
    write_folder(tmp_path, "two", {"even": right(2, 4)}, config={}, total_evaluation_time_seconds="N/A")
    one, two = compared([tmp_path])["tasks"][0]["costs"]
    known = {key: one[key]["value"] for key in ("parameters", "seconds", "tasks", "device", "dtype")}
    assert known == {"parameters": 1000, "seconds": 75.5, "tasks": 2, "device": "cpu", "dtype": "float32"}
    assert one["tokens_read"] == two["seconds"] == two["parameters"] == {"missing": "not recorded"}


def test_the_smallest_of_the_unbeaten_is_named(tmp_path: Path) -> None:
    write_folder(tmp_path, "large", {"even": right(90, 100)})
    write_folder(tmp_path, "small", {"even": right(89, 100)}, config={"model_num_parameters": 10})
    write_folder(tmp_path, "tiny", {"even": right(9, 100)}, config={"model_num_parameters": 1})
    assert compared([tmp_path])["tasks"][0]["smallest"]["value"] == "small"
