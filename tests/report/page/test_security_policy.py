"""The page allows the browser nothing but its own scripts: each by its hash, as the browser computes it."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

from report.page.build import build_report
from tests.oracle.page import read_page
from tests.report.synthetic import folder_of, write_study


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    study = write_study(tmp_path_factory.mktemp("policy"))
    build_report(study, output=folder_of(study))
    return Path(folder_of(study) / "report.html").read_text(encoding="utf-8")


def test_each_script_that_runs_is_allowed_by_its_hash_and_no_other(page: str) -> None:
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)  # the others are data, and do not run
    assert scripts
    digests = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts}
    assert set(re.findall(r"'sha256-([^']*)'", policy)) == digests
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert "unsafe-inline" not in rules["script-src"]
    assert "http" not in policy
    assert {"base-uri", "form-action"} <= set(rules)


def test_the_policy_stands_before_anything_that_it_is_for(page: str) -> None:
    assert page.index("Content-Security-Policy") < min(
        page.index("<style>"), page.index("<script"), page.index("<body")
    )


def test_nothing_on_the_page_needs_more_than_the_policy_allows(page: str) -> None:
    body = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"<[^>]*\son[a-z]+=", body)
    assert not re.findall(r"<(?:iframe|object|embed|form|base|link)\b", body)


@pytest.mark.parametrize(
    "other",
    [
        '<meta http-equiv="refresh" content="0; url=https://example.org">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; script-src *">',
        '<meta http-equiv="Content-Security-Policy" content="">',
    ],
)
def test_verify_takes_no_other_word_to_the_browser(page: str, other: str) -> None:
    assert not read_page(page).oddities
    assert read_page(page.replace("<title>", f"{other}<title>", 1)).oddities
