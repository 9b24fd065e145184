"""Facts of where checkpoints are on the Hub, from `hub.json`."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from report.facts.values import is_known, missing, recorded
from report.reading import kinds
from report.reading.results import Document, read_json

HUB_PAGE = re.compile(r"https://(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+?)/?")
"""The address of a model's page on the Hub; its group is the model's name there."""


def hub_facts(folder: Path, checkpoints: Sequence[str]) -> list[dict[str, Any]]:
    """Returns each checkpoint's place on the Hub; only links that were checked, as `hub.json` records them."""
    published = (
        read_json(folder, "hub.json", kinds.HUB) if (folder / "hub.json").exists() else Document("hub.json", "", {})
    )
    found = []
    for name in checkpoints:
        keys = ("repo", "url", "commit", "checked_at")
        entry = {key: recorded(published, name, key, unit="text", absent="not published") for key in keys}
        checked = is_known(entry["checked_at"]) and is_known(entry["url"])
        url = entry["url"] if checked and _is_web(entry["url"]["value"]) else missing("not published")
        found.append(entry | {"url": url, "published": is_known(url)})
    return found


def _is_web(url: str) -> bool:
    # Plain http too: a Hub of one's own may have no certificate, and what was pushed there is there.
    return re.fullmatch(r"https?://[^\s<>()\"'\[\]]+", url) is not None
