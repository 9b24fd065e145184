"""Pages that hold the explorer, made as the real page holds it."""

import base64
import gzip
import json
import re
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from report.page.explorer import Explorer

TEMPLATES = files("templates")


def page_of(explorer: Explorer, *, title: str = "A study") -> str:
    """Returns a page with nothing but the explorer on it: its style after the page's, its script last of all."""
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8") + explorer.style
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}\n</style>\n</head>\n<body>\n"
        f'<main id="content">\n<h1>{escape(title)}</h1>\n{explorer.html}\n</main>\n'
        f"<script>\n{explorer.script}\n</script>\n</body>\n</html>\n"
    )


def write_page(folder: Path, explorer: Explorer) -> Path:
    """Returns the page's file after writing it, and what lies beside it, into ``folder``."""
    for name, text in {"report.html": page_of(explorer), **explorer.files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "report.html"


def unpacked(explorer: Explorer) -> tuple[dict[str, Any], list[Any]]:
    """Returns the index and the texts of all items, as a browser unpacks them."""
    index, *chunks = re.findall(r'<script type="text/plain" class="explorer-\w+">([^<]*)</script>', explorer.html)
    beside = [re.fullmatch(r'aftertuneItems\(\d+, "([^"]*)"\);\n', text) for text in explorer.files.values()]
    texts = [_unpacked(chunk) for chunk in [*chunks, *(found[1] for found in beside if found)]]
    return _unpacked(index), [item for chunk in texts for item in chunk]


def _unpacked(text: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(text)))
