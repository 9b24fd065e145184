"""The explorer of an HTML page beside the sample files: whether it shows what they hold, and nothing else."""

import base64
import gzip
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from report.verify.problems import Problem

_SECTION = re.compile(r'<section id="explorer".*?</section>', flags=re.DOTALL)
_PACKED = re.compile(r'(?<=class="explorer-)(index|chunk)">([^<]*)<')


def items(page: str, facts: Mapping[str, Any], folder: Path) -> list[Problem]:
    """Returns what is wrong with the explorer in the HTML of ``page``; nothing where it has none.

    Its items are packed anew from the samples in ``folder`` and compared unpacked: other versions of zlib write other
    bytes. Texts that lie in files beside the page are compared by what the page holds of them, their index.
    """
    found = _SECTION.findall(page)
    if not found:
        return []
    from report.page.explorer import items_of

    wanted = _unpacked(str(items_of(facts, folder).html))
    if len(found) == 1 and _unpacked(found[0]) == wanted:
        return []
    return [Problem("the explorer", "items that the sample files do not give", "what `report build` makes of them")]


def _unpacked(section: str) -> str:
    def unpacked(piece: re.Match[str]) -> str:
        try:
            return f'{piece[1]}">{gzip.decompress(base64.b64decode(piece[2])).decode()}<'
        except (ValueError, OSError, EOFError):
            return piece[0]

    return _PACKED.sub(unpacked, section.strip())
