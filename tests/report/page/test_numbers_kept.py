"""Each number that the page showed before it was folded is still on it, open or folded, with its note.

`tests/data/numbers_of_the_page.txt` lists the places of the facts that the page of commit ba8d9e6 showed through a
filter of numbers, of the two studies below; `[]` stands for any place in a list.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from report.page.build import build_report
from report.page.number_notes import Notes
from report.page.render import marked_markdown
from tests.oracle.random_facts import several_methods
from tests.report.synthetic import folder_of, typed, write_study

PLACES = set((Path(__file__).parents[2] / "data" / "numbers_of_the_page.txt").read_text(encoding="utf-8").split())
ONCE = {
    "/checkpoints/[]/changes/frozen",
    "/checkpoints/[]/changes/trained",
    "/checkpoints/[]/recipe/[]/value",
}
"""Said once of all checkpoints of which it is the same: the fact of the first has the note."""


def numbers(part: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yields place and value of every number but 0, which may be told in words."""
    if isinstance(part, list):
        for index, inner in enumerate(part):
            yield from numbers(inner, f"{place}/{index}")
    elif isinstance(part, dict) and {"value", "source"} <= set(part):
        if isinstance(part["value"], int | float) and not isinstance(part["value"], bool) and part["value"] != 0:
            yield place, part["value"]
    elif isinstance(part, dict):
        for key, inner in part.items():
            if key != "findings":
                yield from numbers(inner, f"{place}/{key}")


def general(place: str) -> str:
    return re.sub(r"/\d+(?=/|$)", "/[]", place)


@pytest.mark.parametrize(("study_of", "count"), [(write_study, 350), (several_methods, 650)])
def test_every_number_that_the_page_showed_is_still_shown(
    tmp_path: Path, study_of: Callable[[Path], Path], count: int
) -> None:
    study = study_of(tmp_path)
    build_report(study, output=folder_of(study), facts_only=True)
    facts = json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8"))
    notes = Notes(whole := typed(facts))
    marked_markdown(whole, notes)
    noted = {row["fact"] for row in notes.table()}
    untrained = {f"/checkpoints/{i}/seed" for i, one in enumerate(facts["checkpoints"]) if "absent" in one}
    shown = {place: value for place, value in numbers(facts) if general(place) in PLACES and place not in untrained}
    assert len(shown) > count
    for place in sorted(set(shown) - noted):
        pattern = general(place)
        twin = re.compile(re.sub(r"^/checkpoints/\d+/", r"/checkpoints/\\d+/", place))
        assert pattern in ONCE, place
        assert any(twin.fullmatch(other) and shown.get(other) == shown[place] for other in noted), place
