"""Why each generation ended, as the model class saw it: texts encoded again have other tokens than were generated."""

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from chain_model import write_chain_model
from typer.testing import CliRunner

from harness_tasks import UserError
from harness_tasks.__main__ import app
from harness_tasks.generations import Generation, ending, read_generations
from harness_tasks.lengths import write_lengths

PROMPTS = ["a", "ca", "c", "e", "f", "a"]
"""By the chain model's table: "bababa" and on (twice, and once behind a "c"), the end token after "d", a new line at
once, and after "f" the one token "ab"."""
TASK = """
task: chain
output_type: generate_until
dataset_path: json
dataset_kwargs: {data_files: {test: DATA}}
test_split: test
doc_to_text: "{{prompt}}"
doc_to_target: ""
generation_kwargs: {until: UNTIL, max_gen_toks: 6, do_sample: SAMPLE, temperature: 0.5}
metric_list: [{metric: length, aggregation: mean, higher_is_better: true}]
process_results: !function hooks.nothing
"""


@pytest.fixture(scope="module")
def chain_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_chain_model(tmp_path_factory.mktemp("chain") / "model")


def run(
    model: str,
    place: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *more: str,
    until: list[str],
    prompts: list[str] = PROMPTS,
    sample: bool = False,
    out: str = "out",
) -> tuple[Path, Path]:
    """Returns the results and the sample file of the prompts, scored through the command."""
    tasks = folder / "tasks"
    tasks.mkdir(exist_ok=True)
    (tasks / "rows.jsonl").write_text("".join(json.dumps({"prompt": text}) + "\n" for text in prompts))
    (tasks / "hooks.py").write_text("def nothing(doc, results):\n    return {'length': len(results[0])}\n")
    text = TASK.replace("DATA", str(tasks / "rows.jsonl")).replace("UNTIL", json.dumps(until))
    text = text.replace("SAMPLE", json.dumps(sample))
    (tasks / "chain.yaml").write_text(text)
    monkeypatch.setattr(sys, "argv", sys.argv)  # the command sets lm_eval's, and lm_eval logs to the runner's stderr
    monkeypatch.setattr(logging.getLogger("lm_eval"), "handlers", [])
    monkeypatch.setattr(logging.root, "handlers", logging.root.handlers[:])
    words = ["run", "--model", model, "--model_args", f"pretrained={place},dtype=float32"]
    words += ["--tasks", "chain", "--include_path", str(tasks), "--device", "cpu", "--batch_size", "4"]
    done = CliRunner().invoke(app, [*words, "--output_path", str(folder / out), "--log_samples", *more])
    assert done.exit_code == 0, done.output
    (results,), (samples,) = (list(folder.glob(f"{out}/*/{kind}_*.json*")) for kind in ("results", "samples"))
    return results, samples


def measured(results: Path, samples: Path) -> list[dict[str, Any]]:
    generations = samples.with_name(f"generations{samples.name.removeprefix('samples')}")
    output = samples.with_name("lengths.jsonl")
    write_lengths(samples, results, output=output, generations=generations if generations.exists() else None)
    return [json.loads(line) for line in output.read_text().splitlines()]


@pytest.mark.parametrize("model", ["hf-shared", "hf-recorded"])
@pytest.mark.parametrize("limit_alone", [True, False])
def test_why_each_generation_ended(
    model: str, limit_alone: bool, chain_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "bababa" are six tokens, all that are allowed; encoded again they are four ("b", "ab", "ab", "a")."""
    until = ["\n"] if limit_alone else ["\n", "a"]
    results, samples = run(model, chain_model, tmp_path, monkeypatch, until=until)
    texts = [json.loads(line)["resps"][0][0] for line in samples.open()]
    header, *rows = measured(results, samples)
    assert (header["max_length_tokens"], header["max_answer_tokens"], header.get("unrecorded")) == (64, 6, None)
    if limit_alone:
        assert texts == ["bababa", "bababa", "d", "", "abababa", "bababa"]
        found = [("limit", 6), ("limit", 6), ("eos", 2), ("stop", 1), ("limit", 6), ("limit", 6)]
    else:  # after "f" comes the token "ab", whose first letter stops
        assert texts == ["b", "b", "d", "", "", "b"]
        found = [("stop", 2), ("stop", 2), ("eos", 2), ("stop", 1), ("stop", 1), ("stop", 2)]
    assert [(row["ended"], row["answer_tokens"]) for row in rows] == found
    assert [row["cut_off"] for row in rows] == [ended == "limit" for ended, _ in found]


def test_encoded_again_they_are_shorter(chain_model: Path) -> None:
    from transformers import AutoTokenizer

    assert len(AutoTokenizer.from_pretrained(chain_model)("bababa")["input_ids"]) == 4


def test_what_lm_evals_class_does_not_say_cannot_be_told(
    chain_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header, *rows = measured(*run("hf", chain_model, tmp_path, monkeypatch, until=["\n"]))
    assert header["unrecorded"] == "the model class hf did not record why generations ended"
    assert all(row["ended"] is row["cut_off"] is row["answer_tokens"] is None for row in rows)
    assert list(tmp_path.rglob("generations*")) == []


def test_what_came_out_of_a_cache_cannot_be_told(
    chain_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run asks the model for the two new prompts alone; the others' responses are lm_eval's own copies."""
    cache = ["--use_cache", str(tmp_path / "cache")]
    run("hf-recorded", chain_model, tmp_path, monkeypatch, *cache, until=["\n"], prompts=["a", "c"], out="before")
    found = run("hf-recorded", chain_model, tmp_path, monkeypatch, *cache, until=["\n"], prompts=["a", "ca", "c", "e"])
    header, *rows = measured(*found)
    assert [row["ended"] for row in rows] == [None, "limit", None, "stop"]
    assert header["unrecorded"] == "the model class hf-recorded did not record why 2 of 4 generations ended"


def test_sampled_texts_are_noted_too(chain_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results, samples = run("hf-shared", chain_model, tmp_path, monkeypatch, until=["\n"], sample=True)
    _, *rows = measured(results, samples)
    texts = [json.loads(line)["resps"][0][0] for line in samples.open()]
    assert {row["ended"] for row in rows} <= {"limit", "eos", "stop"}
    for text, row in zip(texts, rows, strict=True):
        # Each token is a letter but for "ab", and "<eos>" and the line break are not part of the text.
        assert row["answer_tokens"] >= len(text.replace("ab", "x"))
        assert row["answer_tokens"] <= 6


def test_shards_are_joined(chain_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        shard = ["--shard", f"{number}/2"]
        run("hf-shared", chain_model, tmp_path, monkeypatch, *shard, until=["\n"], out=str(number))
    words = ["merge-shards", str(tmp_path / "1"), str(tmp_path / "2"), "--output", str(tmp_path / "whole")]
    done = CliRunner().invoke(app, [*words, "--include-path", str(tmp_path / "tasks")])
    assert done.exit_code == 0, done.output
    found = read_generations(tmp_path / "whole" / "generations.jsonl")
    assert [found[doc_id].ended for doc_id in sorted(found)] == [
        ["limit"],
        ["limit"],
        ["eos"],
        ["stop"],
        ["limit"],
        ["limit"],
    ]


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        ([5, 6, 7], Generation(3, "limit")),
        ([5, 0, 0], Generation(2, "eos")),  # what follows is padding
        ([5, 6, 0], Generation(3, "eos")),  # the last token that is allowed is the end: nothing is cut off
        ([5, 6, 9], Generation(3, "stop")),
        ([9, 9, 9], Generation(1, "stop")),  # other rows of the batch went on
        ([5, 9, 0], Generation(2, "stop")),
        ([5, 0, 9], Generation(2, "eos")),
        ([0, 0, 0], Generation(1, "eos")),
        ([5, 6], Generation(None, None)),  # neither ended nor at the limit
    ],
)
def test_what_ended_a_generation(ids: list[int], found: Generation) -> None:
    """Token 0 is the end, and 9 the stop string."""
    assert ending(ids, ends={0}, stop=["9", ""], limit=3, decode=lambda some: "".join(map(str, some))) == found


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "is not complete JSON"),
        ('{"doc_id": 1}', "lacks `doc_hash`"),
        ('{"doc_id": 1, "doc_hash": "h", "tokens": [-1.5], "ended": [null]}', "has at `tokens.0` -1.5"),
        ('{"doc_id": 1, "doc_hash": "h", "tokens": [1], "ended": ["tired"]}', "has at `ended.0` 'tired'"),
    ],
)
def test_a_damaged_file_is_told(line: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "generations.jsonl").write_text(line + "\n")
    with pytest.raises(UserError) as caught:
        read_generations(tmp_path / "generations.jsonl")
    assert problem in caught.value.found
