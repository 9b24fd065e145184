"""What peers are asked and how they are compared, by hand; the peers themselves are not needed."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.evaluation import CASES
from benchmarks.peers.__main__ import Side, _beginning, _told, app
from benchmarks.peers.rows import answered, asked, different

CHOICE: dict[str, Any] = {
    "doc_id": 3,
    "target": "1",
    "arguments": {
        "gen_args_0": {"arg_0": "fine .\nAnswer:", "arg_1": " negative"},
        "gen_args_1": {"arg_0": "fine .\nAnswer:", "arg_1": " positive"},
    },
    "filtered_resps": [["-5.25", "False"], ["-4.875", "False"]],
}
GIVEN = {"until": ["\n"], "max_gen_toks": 32, "do_sample": False}
QUESTION: dict[str, Any] = {
    "doc_id": 810,
    "target": "1999",
    "arguments": {"gen_args_0": {"arg_0": "When?\nAnswer:", "arg_1": GIVEN}},
    "filtered_resps": [" in 1999 "],
}


def test_peers_are_asked_what_lm_eval_noted() -> None:
    assert asked([CHOICE, QUESTION]) == [
        {"id": 3, "prompt": "fine .\nAnswer:", "choices": [" negative", " positive"], "target": 1},
        {"id": 810, "prompt": "When?\nAnswer:", "stop": ["\n"], "new_tokens": 32, "target": "1999"},
    ]


def test_rows_that_are_sampled_are_refused() -> None:
    sampled = {**QUESTION, "arguments": {"gen_args_0": {"arg_0": "When?", "arg_1": {**GIVEN, "do_sample": True}}}}
    with pytest.raises(ValueError, match="row 810 is sampled"):
        asked([sampled])


def test_an_answer_is_the_likeliest_choice_the_first_of_equal_ones_or_a_text() -> None:
    assert answered([CHOICE, QUESTION]) == {3: 1, 810: "in 1999"}
    assert answered([{**CHOICE, "filtered_resps": [["-5.0", "False"], ["-5.0", "False"]]}]) == {3: 0}


def test_what_could_not_be_told_differs_and_other_rows_are_no_comparison() -> None:
    assert different({3: 1, 4: 0}, {3: 1, 4: None}) == [4]
    with pytest.raises(ValueError, match=r"not the same rows were answered: \[4\]"):
        different({3: 1, 4: 0}, {3: 1})


def test_ratios_are_taken_turn_by_turn(capsys: pytest.CaptureFixture[str]) -> None:
    answers = {3: 1, 4: 0}
    sides = {
        "hf": Side([9.0], [12.0], [8], answers),
        "hf-shared": Side([1.0, 2.0, 1.0], [4.0, 5.0, 4.0], [8, 8, 8], answers),
        "lighteval": Side([3.0, 8.0, 5.0], [8.0, 15.0, 10.0], [8, 8, 8], {3: 1, 4: None}),
    }
    told = _told("sst2", sides, {"hf-shared": 64, "lighteval": 32}, {"lighteval": "0.13.0"})
    assert told["lighteval"]["inference_ratios"] == [3.0, 4.0, 5.0]
    assert told["lighteval"]["whole_ratios"] == [2.0, 3.0, 2.5]
    assert (told["lighteval"]["differ"], told["lighteval"]["untold"]) == ([4], 1)
    assert told["hf-shared"]["differ"] == []
    assert capsys.readouterr().out.splitlines() == [
        "sst2, 2 rows; turns: 3; hf, asked once, is what answers are compared with",
        "  hf-shared, batches of 64",
        "    in the model       1.0 s",
        "    whole command      4.0 s",
        "    answers that differ: 0; not told: 0",
        "  lighteval 0.13.0, batches of 32",
        "    in the model       5.0 s  hf-shared 4.00 (3.00 to 5.00) times faster",
        "    whole command     10.0 s  hf-shared 2.50 (2.00 to 3.00) times faster",
        "    answers that differ: 1; not told: 1",
    ]


def test_a_case_is_cut_to_its_first_rows() -> None:
    places = _beginning(CASES["sst2"], 3).places
    assert places is not None
    assert places(Path("unused")) == [0, 1, 2]


def test_an_environment_without_the_peers_is_refused(tmp_path: Path) -> None:
    missing = str(tmp_path / "python")
    done = CliRunner().invoke(app, ["--data-dir", "unused", "--python", missing])
    assert done.exit_code == 2
    assert done.stderr.splitlines()[0].endswith(f"lighteval is not installed where {missing!r} is the interpreter")
