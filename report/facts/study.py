"""Facts of the study: what its file says that the page shows."""

from pathlib import Path

from harness_tasks.files import sha256_file
from report.facts.schema.parts import Fact
from report.facts.schema.study import Author, StudyFacts
from report.facts.values import fact, missing
from report.reading.results import Document
from studies import Study


def study_facts(study: Study, path: Path) -> tuple[StudyFacts, Document]:
    """Returns what the study file says that the page shows, and the file as a source."""
    document = Document(path.name, sha256_file(path), study.model_dump())
    authors = [
        Author(
            name=_stated(document, author.name, "authors", i, "name"),
            did=_stated(document, author.did, "authors", i, "did"),
        )
        for i, author in enumerate(study.authors)
    ]
    methods, seeds = (study.methods, study.seeds) if study.trains else ([], [])
    return StudyFacts(
        name=fact(study.name, "text", document.source()),
        title=_stated(document, study.title, "title"),
        why=_why(study, document),
        file=fact(_relative(path), "text", document.source()),
        folder=fact(str(study.folder), "text", document.source()),
        authors=authors,
        seeds=[fact(seed, "setting", document.source("seeds", i)) for i, seed in enumerate(seeds)],
        methods=[fact(method, "text", document.source("methods", i)) for i, method in enumerate(methods)],
        sampling_seed=fact(study.sampling_seed, "setting", document.source("sampling_seed")),
        dtype=fact(study.dtype, "text", document.source("dtype")),
        batch_size=fact(study.batch_size, "count", document.source("batch_size")),
        digest=fact(document.sha256, "text", document.source()),
    ), document


def _why(study: Study, document: Document) -> Fact:
    words = " ".join((study.why or "").split())
    return fact(words, "text", document.source("why")) if words else missing("the study file does not say")


def _stated(document: Document, value: str, *path: str | int) -> Fact:
    if not value.strip():
        return missing("left empty in the study file")
    return fact(value, "text", document.source(*path))


def _relative(path: Path) -> str:
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.name
