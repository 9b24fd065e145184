"""A real Chromium, and the small study that its pages show."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "report"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "report" / "explorer"))

from tests.browser.opened import opened_page
from tests.report.synthetic import folder_of, write_study

AXE = Path(__file__).resolve().parents[2] / "build" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
_BROWSERS = ["chromium", "chromium-browser", "google-chrome"]  # as `make browser` looks for them
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@dataclass
class Noticed:
    """What a page asked for and complained of."""

    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


def lacking(what: str) -> None:
    """Skips the test, or fails it where the environment says that browser tests have to run."""
    say = pytest.fail if os.environ.get("AFTERTUNE_BROWSER") == "1" else pytest.skip
    say(f"{what} is missing: make browser installs what the browser tests need")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The machine's own Chromium, driven by Playwright."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        lacking("Playwright")
    program = next(filter(None, map(shutil.which, _BROWSERS)), None) or lacking("Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def noticed() -> Noticed:
    """What the page of `browser_page` asks for and complains of."""
    return Noticed()


@pytest.fixture
def browser_page(chromium: Any, noticed: Noticed) -> Iterator[Any]:
    """An empty page of 1,280 × 900 pixels."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    page.set_default_timeout(60_000)  # never a measure: other work may share the machine
    page.on("request", lambda request: noticed.requests.append(request.url))
    page.on("pageerror", lambda error: noticed.errors.append(str(error)))
    page.on("console", lambda said: noticed.errors.append(said.text) if said.type in ("error", "warning") else None)

    def dismissed(dialog: Any) -> None:
        noticed.dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismissed)
    yield page
    page.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    if not AXE.is_file():
        lacking(str(AXE))
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def report_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the synthetic study."""
    from report.page.build import build_report

    study = write_study(tmp_path_factory.mktemp("page"))
    build_report(study, output=folder_of(study))
    return folder_of(study) / "report.html"


@pytest.fixture
def opened(report_file: Path, browser_page: Any) -> Any:
    """The page of the synthetic study, opened, with its explorer ready and everything folded as it comes."""
    return opened_page(browser_page, report_file)


@pytest.fixture(scope="session")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build folder of the synthetic study, facts.json in it."""
    from report.page.whole import collect
    from studies import load_study

    study = write_study(tmp_path_factory.mktemp("explored"))
    folder = folder_of(study)
    facts = collect(load_study(study), study, folder)
    (folder / "facts.json").write_text(json.dumps(facts.as_json()), encoding="utf-8")
    return folder


@pytest.fixture
def facts(study_folder: Path) -> dict[str, Any]:
    """The facts of the synthetic study."""
    found: dict[str, Any] = json.loads((study_folder / "facts.json").read_text(encoding="utf-8"))
    return found
