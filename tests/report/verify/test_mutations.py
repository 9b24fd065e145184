"""`report verify` on pages that were made wrong: at least 99 of 100 are caught, and right pages pass."""

import json
import random
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateError

from harness_tasks.files import sha256_file
from report.facts.values import sources
from report.page import render
from report.page.build import build_report
from report.page.figures import pictures
from report.page.render import at
from report.page.template import lookup
from report.verify.recount import compared, recomputed, recount, study_file
from tests.oracle import check
from tests.report.sentences.test_random_facts import facts as random_facts
from tests.report.sentences.test_random_facts import shaken
from tests.report.synthetic import (
    ALL_WRONG,
    GOLD,
    LEARNED,
    NEVER_ABSTAINS,
    TWO_WRONG,
    folder_of,
    write_checkpoint,
    write_rows,
    write_scores,
    write_study,
)
from tests.report.verify.mutations import ON_THE_PAGE, hashes, plant

LEAST = 0.99
PAGES = ("report.md", "report.html")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = write_study(tmp_path_factory.mktemp("study"))
    build_report(file, output=folder_of(file))
    return file


def read(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    return facts, {name: (folder / name).read_text(encoding="utf-8") for name in PAGES}


def told(problems: list[Any]) -> str:
    return "\n".join(map(str, problems[:5]))


@pytest.mark.parametrize(
    "scored",
    [
        {},
        {"reviews": (GOLD, TWO_WRONG), "passages": (LEARNED, NEVER_ABSTAINS)},
        {"reviews": (ALL_WRONG, GOLD), "passages": (LEARNED, LEARNED)},
        {"reviews": (None, GOLD), "passages": (NEVER_ABSTAINS, None)},
        {"reviews": (GOLD, GOLD), "passages": (None, None)},
        {"passages": (["unanswerable"] * 30, ["gold"] * 30)},
    ],
)
def test_untouched_pages_pass_whatever_was_measured(tmp_path: Path, scored: dict[str, Any]) -> None:
    file = write_study(tmp_path, **scored)
    build_report(file, output=folder_of(file))
    facts, pages = read(folder_of(file))
    for page in pages.values():
        problems = check(page, facts)
        assert not problems, told(problems)
    problems = recount(facts, folder_of(file))
    assert not problems, told(problems)


def test_several_methods_and_seeds_pass(tmp_path: Path) -> None:
    file = write_study(tmp_path, methods=["lora", "full"], seeds=[1, 2])
    for name, reviews in (("full-seed1", GOLD), ("lora-seed2", ALL_WRONG), ("full-seed2", TWO_WRONG)):
        write_scores(folder_of(file), f"reviews-{name}", "reviews", reviews)
        write_checkpoint(folder_of(file), f"reviews-{name}", "reviews")
    build_report(file, output=folder_of(file))
    facts, pages = read(folder_of(file))
    assert len(facts["equivalences"]) > 1
    assert facts["spreads"]
    for page in pages.values():
        problems = check(page, facts)
        assert not problems, told(problems)
    problems = recount(facts, folder_of(file))
    assert not problems, told(problems)


def test_an_audit_of_claims_passes(tmp_path: Path) -> None:
    claims = Path(__file__).resolve().parents[3] / "studies" / "seed-claims.yaml"
    file = write_study(tmp_path, claims=str(claims))
    build_report(file, output=folder_of(file))
    facts, pages = read(folder_of(file))
    assert facts["audit"]["claims"]
    for page in pages.values():
        problems = check(page, facts)
        assert not problems, told(problems)
    problems = recount(facts, folder_of(file))
    assert not problems, told(problems)


@pytest.mark.parametrize("seed", range(20))
def test_the_two_books_agree_on_facts_of_any_kind(seed: int) -> None:
    """Ties, reversed signs, holes, several seeds: whatever the rules and templates say of it is licensed here too."""
    facts = shaken(random_facts(), random.Random(seed))
    problems = check(render.render_markdown(facts), facts)
    assert not problems, told(problems)


@pytest.mark.slow
def test_findings_that_a_wrong_rule_chose(study: Path) -> None:
    """A rule that chooses another sentence of its claim, with all the facts that the sentence needs."""
    text = (folder_of(study) / "facts.json").read_text(encoding="utf-8")
    right = render.render_markdown(json.loads(text))
    sentences = set(re.findall(r"macro (\w+)\(", (files("templates") / "findings.md.j2").read_text(encoding="utf-8")))
    choice = random.Random(2)
    results = []
    while len(results) < 100:
        facts = json.loads(text)
        chosen = choice.choice(list(found_in(facts["findings"])))
        claim = chosen["id"].split("_")[0]
        chosen["id"] = choice.choice(sorted(name for name in sentences if name.startswith(f"{claim}_")))
        try:
            page = render.render_markdown(facts)
        except (TemplateError, TypeError, KeyError):
            continue
        if page != right:
            results.append(bool(check(page, facts)))
    print(f"findings chosen wrongly: {sum(results)} of 100 caught")
    assert sum(results) >= LEAST * 100


def found_in(findings: Any) -> Iterator[dict[str, Any]]:
    """Yields every finding."""
    if isinstance(findings, dict) and "id" in findings:
        yield findings
    elif isinstance(findings, dict | list):
        for part in findings.values() if isinstance(findings, dict) else findings:
            yield from found_in(part)


def mutants(pages: dict[str, str], count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yields kind and text of ``count`` wrong pages, kinds and formats in turn."""
    choice = random.Random(seed)
    turns = [(kind, name) for kind in ON_THE_PAGE for name in pages]
    made = 0
    while made < count:
        kind, name = turns[made % len(turns)]
        mutant = ON_THE_PAGE[kind](pages[name], choice)
        # Bold or not is no difference in what is said.
        if mutant is not None and _plain(mutant) != _plain(pages[name]):
            made += 1
            yield f"{kind}, {name}", mutant


def _plain(page: str) -> str:
    return re.sub(r"\*\*|</?strong>", "", page)


def caught(pages: dict[str, str], facts: dict[str, Any], count: int, seed: int) -> tuple[Counter[str], Counter[str]]:
    found, every = Counter[str](), Counter[str]()
    for kind, mutant in mutants(pages, count, seed):
        every[kind] += 1
        found[kind] += bool(check(mutant, facts))
    return found, every


def test_a_hundred_wrong_pages(study: Path) -> None:
    facts, pages = read(folder_of(study))
    found, every = caught(pages, facts, 100, seed=1)
    assert found.total() >= LEAST * every.total(), {kind: (found[kind], every[kind]) for kind in every}


@pytest.mark.slow
def test_a_thousand_wrong_pages(study: Path) -> None:
    facts, pages = read(folder_of(study))
    found, every = caught(pages, facts, 1000, seed=20261125)
    for kind in sorted(every):
        print(f"{kind}: {found[kind]} of {every[kind]} caught")
    assert found.total() >= LEAST * every.total()


def planted(facts: dict[str, Any], folder: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Yields the pages of ``count`` sets of templates with a wrong sentence each, where it shows."""
    choice = random.Random(3)
    drawn = pictures(facts)
    right = render.render_markdown(facts)
    right_html = render.render_html(facts, drawn)
    made = 0
    while made < count:
        copy = folder / "templates"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(str(files("templates")), copy)
        plant(copy, choice)
        monkeypatch.setattr(lookup, "OURS", copy)
        render._ENVIRONMENTS.clear()
        try:
            markdown = render.render_markdown(facts)
            html = render.render_html(facts, drawn)
        except (TemplateError, KeyError, ValueError):
            continue
        wrong = [page for page, known in ((markdown, right), (html, right_html)) if page != known]
        if wrong:
            made += 1
            yield wrong


@pytest.mark.slow
def test_wrong_sentences_in_templates(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts, _ = read(folder_of(study))
    try:
        results = [all(check(page, facts) for page in wrong) for wrong in planted(facts, tmp_path, 100, monkeypatch)]
    finally:
        render._ENVIRONMENTS.clear()
    print(f"planted in templates: {sum(results)} of {len(results)} caught")
    assert sum(results) >= LEAST * len(results)


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
    again = recomputed(study_file(json.loads(text), folder), folder, redacted=False)
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
        found += bool(list(compared(facts, again)))
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
    markdown = render.render_markdown(facts)
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
        source = choice.choice(sources([facts]))
        path = folder / source["file"]
        *steps, last = source["pointer"].split("/")[1:] or [""]
        if path.suffix != ".json" or not path.exists() or not last:
            continue
        document = json.loads(path.read_text(encoding="utf-8"))
        part = at(document, "/".join(["", *steps]))
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
    facts, pages = read(folder)
    assert not check(pages["report.md"], facts)
    problems = recount(facts, folder)
    assert {problem.place for problem in problems} == {
        f"{place}/samples.jsonl, item {item}, {metric}"
        for item in (0, 1)
        for metric in ("acc", "precision", "recall", "f1", "mcc", "brier", "ece")
    }
