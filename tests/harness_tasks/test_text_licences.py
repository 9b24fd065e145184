"""Every task says under which licence its rows' text stands, in its metadata and in its README."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness_tasks import TASKS_PATH
from report.facts.redact import LICENCES, allows_text, text_notice

FILES = sorted(Path(TASKS_PATH).glob("*/*.yaml"))


class _Loader(yaml.SafeLoader):
    """YAML with lm_eval's `!function`, which is not called here."""


_Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))  # type: ignore[type-var]


def metadata(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), _Loader)["metadata"]
    return found


def test_all_tasks_are_looked_at() -> None:
    assert len(FILES) == 9


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_licence_is_stated(path: Path) -> None:
    stated = metadata(path)
    assert stated["text_licence"] in {*LICENCES, "none"}
    readme = (path.parent / "README.md").read_text(encoding="utf-8")
    licence = readme.partition("### Licence\n")[2].partition("\n### ")[0]
    assert f"`text_licence: {stated['text_licence']}`" in licence.replace("\n", " ")
    if allows_text(stated):
        assert stated["text_credit"]
        notice = text_notice(stated) or ""
        assert notice.partition(", ")[2].partition(";")[0] in licence  # the licence's address
    else:
        assert "first words of a row" in licence.replace("\n", " ")


@pytest.mark.parametrize(
    ("folder", "allowed"), [("squad", True), ("passages_demo", True), ("sst2", False), ("reviews_demo", False)]
)
def test_whose_text_may_be_passed_on(folder: str, allowed: bool) -> None:
    assert {allows_text(metadata(path)) for path in FILES if path.parent.name == folder} == {allowed}
