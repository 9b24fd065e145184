"""Every fact computed again from the files beside facts.json, and set beside the recorded one.

An edit of a fact, a sample or a result is found even where every hash was made to fit: the facts are computed from
the samples, the samples are scored from the responses that they record, and the responses are bound to their items by
lm_eval's own hashes.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.kinds import SAMPLES
from harness_tasks.reading import iterate_rows
from report.facts.schema.whole import Facts
from report.facts.values import sources
from report.reading import kinds
from report.reading.results import read_json
from report.verify.problems import Problem
from report.verify.rescore import other_filters, rescored, same
from report.verify.simpler_means import rescored_means

RecordedFacts = Mapping[str, Any]
"""Facts as a file holds them, of any shape."""

AGAIN = "computing the facts again"
"""The place of a problem where that was not possible."""


def recount(facts: RecordedFacts, folder: Path) -> list[Problem]:
    """Returns where ``facts`` are not what the files in ``folder``, the study's results, give.

    Raises:
        UserError: the study file is not there, so nothing can be computed again.
    """
    study = study_file(facts, folder)
    problems = list(_digests(facts, folder, study))
    for path in sorted(folder.glob("scores/*/*/samples.jsonl")):
        name = path.relative_to(folder).as_posix()
        try:
            problems += rescored(name, iterate_rows(path, SAMPLES, shown=name), _other_filters(path.parent))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:  # scores of any shape
            problems.append(Problem(name, f"rows that cannot be scored again: {error}", "rows as lm_eval writes them"))
    problems += rescored_means(folder)
    try:
        again = recomputed(study, folder, redacted=_is_redacted(facts))
    except UserError as error:
        return [*problems, Problem(AGAIN, error.found, error.why)]
    before = _as_before_the_push(facts, again, folder)
    if before is not None:  # one thing to say, not one for each fact about each checkpoint's place
        problems = [problem for problem in problems if not problem.place.startswith("the file hub.json ")]
        mends = (
            "another record of what was pushed than the page knows: run `aftertune build`, "
            "which takes its links from it"
        )
        problems.append(Problem("hub.json", "written by `aftertune push` after the page", mends))
    computed = (before or again).as_json()
    del computed["state"]
    return problems + list(differing_facts(facts, computed))


def _other_filters(home: Path) -> set[str]:
    """Returns `other_filters` of the task scored in ``home``; none where no results say it."""
    with suppress(UserError):
        results = read_json(home, "results.json", kinds.RESULTS)
        return other_filters((results.value("configs") or {}).get(home.name) or {})
    return set()


def _as_before_the_push(recorded: RecordedFacts, again: Facts, folder: Path) -> Facts | None:
    """Returns the facts with the checkpoints' places on the Hub as they are recorded; None where they are the same.

    They may differ only where hub.json is another than the facts came from.
    """
    from report.facts.reproduction import reproduction_facts
    from report.facts.schema.training import Published
    from report.sentences import find

    checkpoints = recorded.get("checkpoints")
    try:
        places = [Published.model_validate(one["hub"]) for one in checkpoints] if isinstance(checkpoints, list) else []
    except (ValueError, TypeError, LookupError):  # facts of any shape: that they differ is said where they are compared
        return None
    digests = {source.sha256 for source in sources(places)}
    path = folder / "hub.json"
    if len(places) != len(again.checkpoints) or not path.is_file() or sha256_file(path) in digests:
        return None
    if places == [checkpoint.hub for checkpoint in again.checkpoints]:
        return None
    pairs = zip(again.checkpoints, places, strict=True)
    before = again.model_copy(update={"checkpoints": [one.model_copy(update={"hub": hub}) for one, hub in pairs]})
    before.findings = find(before)  # one of them counts the checkpoints that are published
    # It lists the files that the facts come from, hub.json among them.
    others = {name: part for name, part in before.written().items() if name != "reproduction"}
    before.reproduction = reproduction_facts(folder, before.checkpoints, before.tasks, others)
    return before


def _is_redacted(facts: RecordedFacts) -> bool:
    state = facts.get("state")
    return isinstance(state, Mapping) and bool(state.get("redacted"))


def study_file(facts: RecordedFacts, folder: Path) -> Path:
    """Returns the study file: the copy in ``folder``, else where the facts say that it was.

    Raises:
        UserError: it is in neither place.
    """
    try:
        named, name = Path(facts["study"]["file"]["value"]), str(facts["study"]["digest"]["source"]["file"])
    except (KeyError, TypeError):
        raise UserError(
            "the facts name no study file", "nothing can be computed again", "give the facts.json of `aftertune build`"
        ) from None
    for path in (folder / name, named):
        with suppress(OSError, ValueError):  # of a name that no file can have
            if path.is_file():
                return path
    raise UserError(
        f"neither {folder / name} nor {named} is there",
        "the facts are computed again from the study file and the results beside facts.json",
        f"put the study file beside the facts: {folder / name}",
    )


def recomputed(study: Path, folder: Path, *, redacted: bool) -> Facts:
    """Returns the facts of the study file ``study`` from the results in ``folder``, as facts.json would hold them."""
    from report.page.whole import as_written, collect
    from studies import load_study

    return as_written(collect(load_study(study), study, folder), {"redacted": redacted})


def _digests(facts: RecordedFacts, folder: Path, study: Path) -> Iterator[Problem]:
    """Yields the files that a fact names as its source and that are gone, or no longer what they were."""
    found: dict[str, dict[str, str]] = {}
    waiting: list[Any] = [facts]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            if isinstance(part.get("sha256"), str) and isinstance(part.get("file"), str):
                found.setdefault(part["file"], {})[part["sha256"]] = str(part.get("pointer"))
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    for name, digests in sorted(found.items()):
        path = study if name == study.name else folder / name
        actual = _sha256(path)
        for recorded, pointer in digests.items():
            # An empty digest: the fact is that the file is not there.
            if recorded != (actual or ""):
                at = f" (of the fact at {pointer})" if pointer else ""
                yield Problem(f"the file {name}{at}", f"hash {recorded}", actual or "no file")


def _sha256(path: Path) -> str | None:
    try:
        return sha256_file(path)
    except (OSError, ValueError):  # gone, no file, or of a name that no file can have
        return None


def differing_facts(facts: RecordedFacts, again: RecordedFacts, *, name: str = "facts.json") -> Iterator[Problem]:
    """Yields where the recorded facts, in the file ``name``, are not those that were computed again."""
    recorded = {key: part for key, part in facts.items() if key != "state"}  # of this machine's files and program
    for place, one, other in _differences(recorded, again, ""):
        if place == "/study/file/value" and Path(str(one)).name == Path(str(other)).name:
            continue  # the copy beside the facts stands in for the file that the study was run from
        if isinstance(one, str) and isinstance(other, str) and _elsewhere(one, other):
            continue
        yield Problem(f"{name} {place}", _told(one), _told(other))


_ABSENT = object()


def _differences(one: Any, other: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in [*one, *[key for key in other if key not in one]]:
            yield from _differences(one.get(key, _ABSENT), other.get(key, _ABSENT), f"{place}/{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            yield from _differences(mine, theirs, f"{place}/{i}")
    elif not same(one, other):
        yield place, one, other


_HERE = re.compile(r"""(?<![^\s=:'",;])(\\\.|~)(?=$|[/\s'",:;])""")


def _elsewhere(recorded: str, again: str) -> bool:
    """Returns whether two texts differ only in a folder that was written as `.` or `~` where the facts were made.

    >>> _elsewhere("train --out ./build", "train --out /home/me/study/build"), _elsewhere("a ./b", "a /c/d")
    (True, False)
    """
    pattern = _HERE.sub(r"""(?:\1|/[^\\s'",:;]+)""", re.escape(recorded))
    return re.fullmatch(pattern, again) is not None


def _told(value: Any) -> str:
    if value is _ABSENT:
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]} …"


def count_facts(facts: Any) -> int:
    """Returns how many facts there are in ``facts``: values, and those said to be missing.

    >>> count_facts({"a": {"value": 1, "unit": "count", "source": {}}, "b": [{"missing": "why"}]})
    2
    """
    if isinstance(facts, list):
        return sum(map(count_facts, facts))
    if not isinstance(facts, Mapping):
        return 0
    own = int("missing" in facts or ("value" in facts and "unit" in facts))
    return own + sum(count_facts(part) for key, part in facts.items() if key not in ("source", "also"))
