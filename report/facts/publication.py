"""Facts of where checkpoints are on the Hub, from `hub.json`."""

import re
from collections.abc import Sequence
from pathlib import Path

from report.facts.schema.parts import is_known
from report.facts.schema.training import Published
from report.facts.values import missing, recorded
from report.reading import kinds
from report.reading.results import Document, read_json

HUB_PAGE = re.compile(r"https://(?:huggingface\.co|hf\.co)/([\w.-]+/[\w.-]+?)/?")
"""The address of a model's page on the Hub; its group is the model's name there."""


def hub_facts(folder: Path, checkpoints: Sequence[str]) -> list[Published]:
    """Returns each checkpoint's place on the Hub; only links that were checked, as `hub.json` records them."""
    published = (
        read_json(folder, "hub.json", kinds.HUB) if (folder / "hub.json").exists() else Document("hub.json", "", {})
    )
    return [_published(published, name) for name in checkpoints]


def _published(record: Document, name: str) -> Published:
    keys = ("repo", "url", "commit", "checked_at")
    known = {key: recorded(record, name, key, unit="text", absent="not published") for key in keys}
    url = known.pop("url")
    if not is_known(known["checked_at"]) or not is_known(url) or not _is_web(url.value):
        url = missing("not published")
    return Published(**known, url=url, published=is_known(url))


def _is_web(url: str) -> bool:
    # Plain http too: a Hub of one's own may have no certificate, and what was pushed there is there.
    return re.fullmatch(r"https?://[^\s<>()\"'\[\]]+", url) is not None
