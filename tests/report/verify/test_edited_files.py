"""`aftertune verify` on facts, samples and results that were edited: at least 99 of 100 are caught."""

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness_tasks.files import sha256_file
from report.facts.values import sources
from report.page.build import build_report
from report.reading.results import value_at
from report.verify.differences import differences
from report.verify.recount import differing_facts, recomputed, recount, study_file
from tests.report import rendered
from tests.report.synthetic import GOLD, TWO_WRONG, folder_of, typed, write_rows, write_study
from tests.report.verify.mutations import hashes

LEAST = 0.99


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = write_study(tmp_path_factory.mktemp("study"))
    build_report(file, output=folder_of(file))
    return file


def read(folder: Path) -> tuple[dict[str, Any], str]:
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    return facts, (folder / "report.md").read_text(encoding="utf-8")


def leaves(facts: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yields where the values of facts stand: values, ends of intervals, items, clusters."""
    if isinstance(facts, list):
        for i, part in enumerate(facts):
            yield from leaves(part, (*place, i))
    elif isinstance(facts, dict):
        for key, part in facts.items():
            if key in ("source", "also", "schema", "id", "evidence"):
                continue
            if isinstance(part, dict | list):
                yield from leaves(part, (*place, key))
            elif isinstance(part, int | float | str):
                yield (*place, key)


def changed(value: Any, choice: random.Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + choice.choice([-1, 1, 2, 10])
    if isinstance(value, float):
        return value + choice.choice([-1, 1]) * choice.choice([1e-6, 0.001, 0.1, 1.0])
    return choice.choice([value + "x", value[::-1] + "1", "other"])


@pytest.mark.slow
def test_facts_that_were_edited(study: Path) -> None:
    folder = folder_of(study)
    text = (folder / "facts.json").read_text(encoding="utf-8")
    again = recomputed(study_file(json.loads(text), folder), folder, redacted=False).as_json()
    del again["state"]
    choice = random.Random(5)
    every = list(leaves(json.loads(text)))
    found = 0
    for _ in range(200):
        facts = json.loads(text)
        *path, last = choice.choice(every)
        part = facts
        for step in path:
            part = part[step]
        part[last] = changed(part[last], choice)
        found += bool(list(differing_facts(facts, again)))
    print(f"facts edited: {found} of 200 caught")
    assert found >= LEAST * 200


def refit(folder: Path) -> None:
    """Makes every digest in facts.json fit the files as they are now, and writes the page anew from those facts."""
    facts, _ = read(folder)

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if "sha256" in part and "file" in part and (folder / part["file"]).exists():
                part["sha256"] = sha256_file(folder / part["file"])
            for inner in part.values():
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    walk(facts)
    for row in facts["reproduction"]["files"]:
        row["digest"]["value"] = row["digest"]["source"]["sha256"]
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    markdown = rendered.render_markdown(typed(facts))
    (folder / "report.md").write_text(markdown, encoding="utf-8")


def edit_samples(folder: Path, choice: random.Random) -> str:
    """Changes one thing in a row of a sample file; the row's own hashes are made to fit."""
    path = choice.choice(sorted(folder.glob("scores/*/*/samples.jsonl")))
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    number = choice.randrange(len(rows))
    row = rows[number]
    kind = choice.choice(["score", "response", "item", "gone", "twice"])
    if kind == "score":
        metric = choice.choice([key for key in ("acc", "exact", "f1") if isinstance(row.get(key), float)])
        row[metric] = (100.0 if metric != "acc" else 1.0) - row[metric]
    elif kind == "response" and isinstance(row["filtered_resps"][0], list):
        row["filtered_resps"] = row["filtered_resps"][::-1]
    elif kind == "response":
        row["filtered_resps"] = ["gold" if row["filtered_resps"] == ["unanswerable"] else "unanswerable"]
    elif kind == "item":
        row["doc"][choice.choice(sorted(row["doc"].keys() & {"sentence", "question", "film", "context"}))] = "other"
    elif kind == "gone":
        del rows[number]
    else:
        rows.append(row)
    row |= hashes(row)
    write_rows(path, rows)
    return f"samples, {kind}"


def edit_results(folder: Path, choice: random.Random) -> str:
    """Changes one number or text, in a file that is no sample file, that some fact was taken from."""
    facts, _ = read(folder)
    while True:
        source = choice.choice(sources([typed(facts)]))
        path = folder / source.file
        *steps, last = source.pointer.split("/")[1:] or [""]
        if path.suffix != ".json" or not path.exists() or not last:
            continue
        document = json.loads(path.read_text(encoding="utf-8"))
        part = value_at(document, "/".join(["", *steps]))
        last = int(last) if isinstance(part, list) else last.replace("~1", "/").replace("~0", "~")
        if isinstance(part[last], int | float | str):
            part[last] = changed(part[last], choice)
            path.write_text(json.dumps(document), encoding="utf-8")
            return f"results, {path.name}"


@pytest.mark.slow
def test_samples_and_results_that_were_edited_with_every_digest_made_to_fit(study: Path, tmp_path: Path) -> None:
    choice = random.Random(11)
    found, every = Counter[str](), Counter[str]()
    for turn in range(100):
        folder = tmp_path / "build" / "trial"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(folder_of(study), folder)
        kind = (edit_samples if turn % 2 else edit_results)(folder, choice)
        refit(folder)
        facts, _ = read(folder)
        every[kind] += 1
        found[kind] += bool(recount(facts, folder))
    for kind in sorted(every):
        print(f"{kind}: {found[kind]} of {every[kind]} caught")
    assert found.total() >= LEAST * every.total()


def test_scores_of_items_that_were_edited_and_everything_built_anew(tmp_path: Path) -> None:
    """The forged rows agree with forged results, facts and page; only the recorded responses speak against them."""
    file = write_study(tmp_path, reviews=(GOLD, TWO_WRONG))
    folder = folder_of(file)
    # The rows of a checkpoint that gets everything right, under the responses of the one that errs twice.
    better = folder_of(write_study(tmp_path / "better", reviews=(GOLD, GOLD)))
    place = "scores/reviews-lora-seed1/reviews"
    own, others = ((home / place / "samples.jsonl").read_text(encoding="utf-8") for home in (folder, better))
    pairs = zip(map(json.loads, own.splitlines()), map(json.loads, others.splitlines()), strict=True)
    write_rows(
        folder / place / "samples.jsonl",
        [{**forged, "filtered_resps": row["filtered_resps"]} for row, forged in pairs],
    )
    shutil.copy(better / place / "results.json", folder / place / "results.json")
    build_report(file, output=folder)
    facts, page = read(folder)
    assert not list(differences(page, rendered.render_markdown(typed(facts))))
    problems = recount(facts, folder)
    assert {problem.place for problem in problems} == {
        f"{place}/samples.jsonl, item {item}, {metric}"
        for item in (0, 1)
        for metric in ("acc", "precision", "recall", "f1", "mcc", "brier", "ece")
    }
