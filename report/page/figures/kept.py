"""The drawings of facts that are still the same: to load matplotlib and to draw takes a third of a build's time."""

import json
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from harness_tasks.files import sha256_json, sha256_text, write_text
from report.facts.current import program_digest
from report.facts.schema.whole import Facts
from report.page.figures import Picture, pictures

FILE = "kept/pictures.json"
"""Where they are kept in a study's folder: what may be deleted at any time."""


def kept_pictures(facts: Facts, folder: Path) -> dict[str, Picture]:
    """Returns the page's figures by file name, as `pictures` draws them, and keeps them in the study's ``folder``.

    They are used again only for the very same facts, by the same program and matplotlib, and where nobody changed the
    file. `aftertune verify` draws them anew.
    """
    place, made_of = folder / FILE, _made_of(facts)
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(place.read_bytes())
        if kept["made_of"] == made_of and kept["sha256"] == sha256_json(kept["pictures"]):
            return {
                name: Picture(one["svg"], one["title"], tuple(one["columns"]), tuple(map(tuple, one["rows"])))
                for name, one in kept["pictures"].items()
            }
    drawn = pictures(facts)
    text = {name: asdict(picture) for name, picture in drawn.items()}
    with suppress(OSError):
        write_text(place, json.dumps({"made_of": made_of, "sha256": sha256_json(text), "pictures": text}))
    return drawn


def _made_of(facts: Facts) -> str:
    seal = facts.state.facts if facts.state else None
    return sha256_text("\0".join([seal or sha256_json(facts.as_json()), program_digest(), version("matplotlib")]))
