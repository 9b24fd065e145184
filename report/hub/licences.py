"""What the base model's licence demands of a model made from it, and the files that carry it along."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from harness_tasks.errors import UserError
from harness_tasks.models.files import front_matter
from harness_tasks.reading import Kind, read_bytes
from studies import Model, Study

_HUB_LICENCES = """
apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc
cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0
cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0
cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1
eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc intel-research lppl-1.3c ms-pl
apple-ascl apple-amlr mpl-2.0 odc-by odbl openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl
deepfloyd-if-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 gemma
"""
HUB_LICENCES = frozenset(_HUB_LICENCES.split())
"""The names of licences that the Hub knows; any other is `other`, with its own name beside."""

PLACE = "licence"
"""The folder within a study's own where a user puts the licence's files that the base model came without."""

_COPIED = re.compile(r"(?i)(licen[cs]e|notice|use_policy)([-_.].*)?")
_LICENCE = Kind("the licence's file", "it goes along with every model made from the base", "copy it again")
_SIZE_AT_MOST = 1_000_000
_LLAMA = re.compile(r"(?i)(?:^|/|meta-)(?:meta-)?llama[- ]?(2|3(?:\.[123])?|4)(?=$|[-_ ])")


@dataclass(frozen=True)
class Terms:
    """What a licence of the Llama family demands of a model made from it."""

    licence: str
    """The licence's own name."""
    begins: str
    """How the new model's name must begin; empty where it may be any."""
    shown: str
    """What must be displayed prominently; empty for nothing."""
    notice: str
    """The line of the notice that must go along."""


def _llama(version: str, *, licence: str = "", begins: str = "Llama", shown: str = "Built with Llama") -> Terms:
    licence = licence or f"Llama {version} Community License"
    prefix = "Meta Llama" if licence.startswith("Meta") else "Llama"
    rights = "Copyright © Meta Platforms, Inc. All Rights Reserved."
    return Terms(licence, begins, shown, f"{prefix} {version} is licensed under the {licence}, {rights}")


TERMS = {
    "llama2": _llama("2", licence="LLAMA 2 Community License", begins="", shown=""),
    "llama3": _llama("3", licence="Meta Llama 3 Community License", begins="Llama 3", shown="Built with Meta Llama 3"),
    **{f"llama{version}": _llama(version) for version in ("3.1", "3.2", "3.3", "4")},
}
"""By the Hub's name of the licence."""


@dataclass(frozen=True)
class Licence:
    """The licence under which a checkpoint is published: that of its base."""

    id: str
    """The Hub's name for it, or `other`."""
    name: str
    """As the study file has it."""
    terms: Terms | None
    copies: dict[str, bytes] = field(repr=False)
    """Files that go along, by name: the licence's text, notices."""

    def check_name(self, repo: str) -> None:
        """Raises UserError where a model made from the base may not be called what ``repo`` is called."""
        name = repo.rpartition("/")[2]
        if self.named(name) != name:
            assert self.terms is not None
            raise UserError(
                f"the repository would be called {name}",
                f"the {self.terms.licence} demands that the name of a model made from this base begins with "
                f"“{self.terms.begins}”",
                f"choose such a name: --repo {repo.removesuffix(name)}{self.named(name)}",
            )

    def named(self, name: str) -> str:
        """Returns ``name`` with the beginning that the licence demands, such as `Llama-`."""
        if self.terms and not name.replace("-", " ").startswith(self.terms.begins):
            return f"{self.terms.begins.replace(' ', '-')}-{name}"
        return name


def licence_of(study: Study, folder: Path) -> Licence:
    """Returns the licence of the study's base model; its files are looked for beside the model and in ``folder``.

    Raises:
        UserError: the study names no licence, or another than the base model's own, or no copy is there of a licence
            that demands one.
    """
    stated = (study.model.licence or "").strip()
    if not stated:
        raise UserError(
            "the study file names no licence of its base model",
            "what is made from a model may be published only as the model's own licence allows",
            "add `licence:` under `model:` in the study file, as the base model's page has it",
        )
    found = _llama_licence(stated) or stated.lower()
    for said, source in _other_statements(study.model):
        if said != found and (said in TERMS or found in TERMS):
            raise UserError(
                f"the study file says that the base model's licence is {stated}, {source} makes it {said}",
                "the two demand different things of a model made from it",
                f"correct `licence:` under `model:` in the study file: {said}",
            )
    terms = TERMS.get(found)
    copies = _copies(study, folder)
    if terms:
        copies = _with_demanded(found, terms, copies, folder)
    return Licence(found if found in HUB_LICENCES else "other", stated, terms, copies)


def _with_demanded(licence: str, terms: Terms, copies: dict[str, bytes], folder: Path) -> dict[str, bytes]:
    if not any(re.match("(?i)licen[cs]e", name) for name in copies):
        carried = files("report") / "licences" / f"{licence}.txt"
        if not carried.is_file():
            raise UserError(
                f"there is no copy of the {terms.licence} beside the base model",
                "the licence demands that a copy of it goes along with every model made from the base",
                f"put the base model's LICENSE into {folder / PLACE}",
            )
        copies = {**copies, "LICENSE.txt": carried.read_bytes()}
    if not any(terms.notice.encode() in text for text in copies.values()) or not any(
        name.lower().startswith("notice") for name in copies
    ):
        copies = {**copies, "NOTICE.txt": f"{terms.notice}\n".encode()}
    return copies


def _copies(study: Study, folder: Path) -> dict[str, bytes]:
    """Returns the licence's files by name: the user's own first, then those beside the base model's weights."""
    places = [folder / PLACE, Path(study.model.path)] if study.model.is_local else [folder / PLACE]
    found = {path.name: path for place in reversed(places) if place.is_dir() for path in sorted(place.iterdir())}
    copied = {name: path for name, path in found.items() if _COPIED.fullmatch(name) and path.is_file()}
    return {name: read_bytes(path, _LICENCE) for name, path in copied.items() if path.stat().st_size <= _SIZE_AT_MOST}


def _other_statements(model: Model) -> Iterator[tuple[str, str]]:
    """Yields the licences that follow from the model's name or its own card, and where each was read."""
    for key in ("id", "name", "url"):
        text = str(getattr(model, key) or "")
        if found := _LLAMA.search(text.removesuffix("/").rpartition("/")[2]):
            yield f"llama{found[1]}", f"its {key} ({text})"
    card = Path(model.path) / "README.md"
    if model.is_local and card.is_file():
        said = front_matter(card).get("license")
        if isinstance(said, str) and said not in ("other", "unknown"):
            yield said.lower(), "the card beside its weights"


def _llama_licence(stated: str) -> str | None:
    """Returns the Hub's name of a Llama licence, however it is written.

    >>> _llama_licence("Llama 3.2 Community License"), _llama_licence("LLAMA3.1"), _llama_licence("apache-2.0")
    ('llama3.2', 'llama3.1', None)
    """
    found = re.search(r"(?i)\bllama[- ]?(2|3(?:\.[123])?|4)(?![.\d])", stated)
    return f"llama{found[1]}" if found else None
