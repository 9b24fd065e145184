"""Shards that are no whole run are refused, with what is wrong."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cut_shards import by_hash, cut, lines_of, read, write, write_scored
from typer.testing import CliRunner

from harness_tasks import UserError
from harness_tasks.__main__ import app
from harness_tasks.prompts import has_scorers
from harness_tasks.shards.merging import merge

pytestmark = pytest.mark.skipif(
    has_scorers(), reason="lm_eval 0.5 gives no scores of rows, by which shards are cut here; a shard itself runs there"
)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scored(tmp_path_factory.mktemp("scored"))


@pytest.fixture
def shards(scored: Path, tmp_path: Path) -> list[Path]:
    return cut(scored / "tuned" / "passages_demo", tmp_path / "cut", by_hash("passages_demo", 3), 3)


def refusal(shards: Sequence[Path], output: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        merge(shards, output=output)
    assert not output.exists()
    assert caught.value.why
    assert caught.value.mend
    return caught.value


def test_a_missing_shard(shards: list[Path], tmp_path: Path) -> None:
    assert str(refusal([shards[0], shards[2]], tmp_path / "out")) == (
        "Found: 1 of 3 shards of passages_demo missing: 2/3\n"
        "Why it matters: a score of some of the items is not the task's score\n"
        "To mend it: score it with --shard 2/3, and name its folder too"
    )


def test_a_shard_named_twice(shards: list[Path], tmp_path: Path) -> None:
    error = refusal([*shards, shards[1]], tmp_path / "out")
    assert error.found == f"shard 2/3 is there twice: in {shards[1]} and in {shards[1]}"


def change(folder: Path, *path: str, to: Any) -> None:
    results = read(folder / "results.json")
    *above, last = path
    place = results
    for part in above:
        place = place[part]
    place[last] = to
    write(folder / "results.json", results)


TASK = "passages_demo"


@pytest.mark.parametrize(
    ("path", "to", "told"),
    [
        (("config", "model"), "hf", 'config.model "hf", not "MadeUpModel"'),
        (("config", "model_args", "pretrained"), "other", 'config.model_args.pretrained "other", not "tuned"'),
        (("config", "model_args", "dtype"), "bfloat16", 'config.model_args.dtype "bfloat16", not "float32"'),
        (("config", "model_dtype"), "torch.float32", 'config.model_dtype "torch.float32", not null'),
        (("config", "fewshot_seed"), 7, "config.fewshot_seed 7, not 1234"),
        (("config", "device"), "cuda:0", 'config.device "cuda", not "None"'),
        (("versions", TASK), 1.0, f"versions.{TASK} 1.0, not 1.1"),
        (("n-shot", TASK), 2, f"n-shot.{TASK} 2, not 0"),
        (("chat_template_sha",), "ab", 'chat_template_sha "ab", not null'),
        (("lm_eval_version",), "0.4.12", 'lm_eval_version "0.4.12", not "0.4.13"'),
        (("transformers_version",), "4.0.0", 'transformers_version "4.0.0", not'),
        (("pretty_env_info",), "PyTorch version: 1.0\n", 'torch_version "1.0", not'),
        (
            ("configs", TASK, "doc_to_text"),
            "{{question}}",
            f'configs.{TASK}.doc_to_text "{{{{question}}}}", not "Answer',
        ),
        (
            ("configs", TASK, "metadata", "data", "fingerprint", "test"),
            "ab",
            f'configs.{TASK}.metadata.data.fingerprint.test "ab", not',
        ),
    ],
)
def test_shards_of_different_runs(
    shards: list[Path], tmp_path: Path, path: tuple[str, ...], to: Any, told: str
) -> None:
    change(shards[1], *path, to=to)
    error = refusal(shards, tmp_path / "out")
    assert error.found.startswith(f"shard 2/3 was not scored as shard 1/3 was: {told}")
    assert error.why == "the rows of one score must come from the same model, asked in the same way"
    assert error.mend == f"score shard 2/3 ({shards[1]}) or shard 1/3 ({shards[0]}) anew"


def test_where_it_was_scored_may_differ(shards: list[Path], tmp_path: Path) -> None:
    for number, folder in enumerate(shards):
        change(folder, "git_hash", to=f"c0ffee{number}")
        change(folder, "config", "threads", to=number)
        change(folder, "config", "device", to=f"cuda:{number}")
        change(folder, "config", "model_args", "answers", to=f"answers{number}")
        change(folder, "configs", TASK, "metadata", "answers", to=f"answers{number}")
    merge(shards, output=tmp_path / "out")
    results = read(tmp_path / "out" / "results.json")
    assert "git_hash" not in results
    assert "threads" not in results["config"]
    assert results["config"]["device"] == "cuda"
    assert results["config"]["model_args"] == {"pretrained": "tuned", "dtype": "float32"}
    assert "answers" not in results["configs"][TASK]["metadata"]


def put_lines(folder: Path, lines: list[str]) -> None:
    (folder / "samples.jsonl").write_text("".join(lines), encoding="utf-8")


def repeats_a_row(shards: list[Path]) -> str:
    lines = lines_of(shards[1])
    put_lines(shards[1], [*lines, lines[0]])
    return rf"item {json.loads(lines[0])['doc_id']} is there twice: in shard 2/3 and in shard 2/3"


def takes_a_row_of_another(shards: list[Path]) -> str:
    lines = lines_of(shards[1])
    put_lines(shards[2], [*lines_of(shards[2]), lines[0]])
    return rf"item {json.loads(lines[0])['doc_id']} is there twice: in shard 2/3 and in shard 3/3"


def loses_a_row(shards: list[Path]) -> str:
    lines = lines_of(shards[1])
    put_lines(shards[1], lines[:-1])
    return rf"shard 2/3 has {len(lines) - 1} sample rows of {len(lines) - 1} items, and scored {len(lines)}"


def has_another_item(shards: list[Path]) -> str:
    lines = lines_of(shards[1])
    put_lines(shards[1], [*lines[:-1], json.dumps({**json.loads(lines[-1]), "doc_id": 168}) + "\n"])
    return "the shards hold 168 items, and not those of the run, 168"


def is_cut_off(shards: list[Path]) -> str:
    lines = lines_of(shards[1])
    put_lines(shards[1], [*lines[:-1], lines[-1][:100]])
    return rf"line {len(lines)} of .*samples\.jsonl is not complete JSON"


def has_other_rows(shards: list[Path]) -> str:
    lines = lines_of(shards[1])
    row = json.loads(lines[0])
    put_lines(shards[1], [json.dumps({**row, "doc_hash": "ab"}) + "\n", *lines[1:]])
    return rf"item {row['doc_id']} of shard 2/3 is not row {row['doc_id']} of passages_demo"


def has_an_edited_score(shards: list[Path]) -> str:
    lines = lines_of(shards[1])
    row = json.loads(lines[0])
    put_lines(shards[1], [json.dumps({**row, "f1": 100 - row["f1"]}) + "\n", *lines[1:]])
    return r"f1 of shard 2/3 is [0-9.]+ in its results, and [0-9.]+ computed from its rows"


def lacks_a_field(shards: list[Path]) -> str:
    put_lines(shards[1], ["{}\n"])
    return r"line 1 of .*samples\.jsonl lacks `doc_id`"


def is_of_another_division(shards: list[Path]) -> str:
    change(shards[1], "config", "shard", "of", to=4)
    return r"shard 2/4 in .*shard2 has the number of shards 4, shard 1/3 in .*shard1 3"


def is_of_another_whole(shards: list[Path]) -> str:
    change(shards[1], "config", "shard", "whole", to={"items": 7, "sha256": "ab"})
    return r"shard 2/3 in .*shard2 has the whole \{'items': 7"


def is_no_shard(shards: list[Path]) -> str:
    results = read(shards[1] / "results.json")
    del results["config"]["shard"]
    write(shards[1] / "results.json", results)
    return r".*shard2/results\.json lacks `config\.shard`"


def has_half_a_record(shards: list[Path]) -> str:
    change(shards[1], "config", "shard", to={"number": 2, "of": 3})
    return r".*shard2/results\.json lacks `config\.shard\.items`"


def has_two_results(shards: list[Path]) -> str:
    write(shards[1] / "more" / "results_2026.json", {})
    return r".*shard2 holds 2 files results\*\.json"


def holds_no_object(shards: list[Path]) -> str:
    write(shards[1] / "results.json", [])
    return r".*shard2/results\.json has at what it holds \[\]: input should be a valid dictionary"


@pytest.mark.parametrize(
    "damage",
    [
        repeats_a_row,
        takes_a_row_of_another,
        loses_a_row,
        has_another_item,
        is_cut_off,
        has_other_rows,
        has_an_edited_score,
        lacks_a_field,
        is_of_another_division,
        is_of_another_whole,
        is_no_shard,
        has_half_a_record,
        has_two_results,
        holds_no_object,
    ],
)
def test_damage_is_named(shards: list[Path], tmp_path: Path, damage: Callable[[list[Path]], str]) -> None:
    found = damage(shards)
    assert re.match(found, refusal(shards, tmp_path / "out").found)


def test_a_task_that_has_changed_since(shards: list[Path], tmp_path: Path) -> None:
    for folder in shards:
        change(folder, "versions", TASK, to=1.0)
    error = refusal(shards, tmp_path / "out")
    assert error.found == "passages_demo has version 1.1 here, and was scored at 1.0"
    for folder in shards:
        change(folder, "versions", TASK, to=1.1)
        change(folder, "n-samples", TASK, "original", to=170)
    assert refusal(shards, tmp_path / "out").found == "passages_demo has 168 rows here, and had 170 when it was scored"


def test_the_command_prints_what_is_wrong(shards: list[Path], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["merge-shards", str(shards[0]), "--output", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "Found: 2 of 3 shards of passages_demo missing: 2/3, 3/3" in done.stderr
