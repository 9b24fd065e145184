"""The documentation site: it builds without a warning, and its reference is what the code says."""

import importlib.util
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from readme_reader import PAGES, ROOT

from aftertune import PANELS
from finetune.guards import ALLOWABLE, GUARDS
from report.statistics.metrics import METRICS
from studies.study import Study

SITE = runpy.run_path(str(ROOT / "docs" / "build_site.py"))
REFERENCE = runpy.run_path(str(ROOT / "docs" / "write_reference.py"))


def page(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def test_the_reference_is_what_the_code_says() -> None:
    for name, text in REFERENCE["pages"]().items():
        assert page(name) == text, "write it anew: python docs/write_reference.py"


def test_the_reference_has_a_row_for_each_verb_key_metric_and_guard() -> None:
    headings = re.findall(r"^### (\S+)$", page("verbs.md"), re.MULTILINE)
    assert {verb for verbs in PANELS.values() for verb in verbs} | {"score", "task", "template"} == set(headings)
    assert "| `--teraflops` | measured here | The device's peak speed, in TFLOP/s. |" in page("verbs.md")
    assert set(Study.model_fields) - {"name"} <= set(re.findall(r"^\| `(\w+)` \|", page("study-keys.md"), re.MULTILINE))
    assert re.findall(r"^\| `([^`]+)` \|", page("metrics.md"), re.MULTILINE) == list(METRICS)
    rows = re.findall(r"^\| \[`([a-z-]+)`\]\(\S+\) \| .* \| (yes|no) \|$", page("guards.md"), re.MULTILINE)
    assert [guard for guard, _ in rows] == [*GUARDS, "shots", "adapter-base"]
    assert {guard for guard, may in rows if may == "yes"} == {*ALLOWABLE, "shots", "adapter-base"}


def test_every_key_and_every_option_has_a_meaning() -> None:
    empty = [
        line for name in ("verbs.md", "study-keys.md") for line in page(name).splitlines() if line.endswith("|  |")
    ]
    assert empty == []


def test_every_page_of_docs_is_in_the_navigation() -> None:
    listed = set(SITE["pages"]())
    assert [page for page in PAGES if page.relative_to(ROOT).as_posix() not in listed] == []


def test_a_link_to_no_file_ends_the_build(tmp_path: Path) -> None:
    (tmp_path / "zensical.toml").write_text('[project]\nnav = [{ "A" = "a.md" }]\n', encoding="utf-8")
    (tmp_path / "a.md").write_text("[b](b.md) ![c](c.svg)", encoding="utf-8")
    documents = SITE["documents"]
    before, documents.__globals__["ROOT"] = documents.__globals__["ROOT"], tmp_path
    try:
        with pytest.raises(FileNotFoundError, match=r"a\.md links to b\.md, which is no file"):
            documents()
        for name in ("b.md", "c.svg"):
            (tmp_path / name).touch()
        assert {file.name for file in documents()} == {"a.md", "b.md", "c.svg"}
    finally:
        documents.__globals__["ROOT"] = before


@pytest.mark.skipif(importlib.util.find_spec("zensical") is None, reason="zensical is not installed: the extra `docs`")
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    for name in ("zensical.toml", *{file.relative_to(ROOT).as_posix() for file in SITE["documents"]()}):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    script = tmp_path / "docs" / "build_site.py"
    script.write_bytes((ROOT / "docs" / "build_site.py").read_bytes())
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()
    for found in PAGES[1:]:
        assert (tmp_path / "build" / "site" / found.relative_to(ROOT).with_suffix("") / "index.html").is_file()
    # An anchor that is gone is an error, as a page is.
    with (tmp_path / "README.md").open("a", encoding="utf-8") as readme:
        readme.write("\n[gone](docs/tutorial.md#gone)\n")
    again = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True
    )
    assert again.returncode == 1
    assert "anchor does not exist" in again.stdout + again.stderr
