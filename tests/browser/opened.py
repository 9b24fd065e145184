"""Pages opened in Chromium: the explorer is ready, and what folds it away is open, as for a reader who clicked it."""

from pathlib import Path
from typing import Any

READY = "#explorer-tool[data-state=ready]"


def opened_page(page: Any, file: Path, item: str = "") -> Any:
    """Returns ``page`` after it opened ``file`` at the address ``item``, when the explorer is ready."""
    page.goto(file.as_uri() + item)
    page.wait_for_selector(READY, state="attached")
    return page


def opened_explorer(page: Any, file: Path) -> Any:
    """Returns ``page`` after it opened ``file``, with the explorer unfolded by a click."""
    opened_page(page, file).locator("#explorer-fold > summary").click()
    page.locator("#explorer-tool").wait_for()
    return page
