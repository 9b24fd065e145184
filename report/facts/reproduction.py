"""Facts for those who want to do it again: how scoring was run, versions, and the hash of every file used."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from report.facts.schema.parts import Fact, Source, is_known
from report.facts.schema.scores import TaskFacts
from report.facts.schema.training import CheckpointFacts, NamedSetting, Trained
from report.facts.schema.whole import Reproduction, ScoringRun, UsedFile, UsedVersion
from report.facts.unfinished import undone
from report.facts.values import fact, missing, recorded, sources
from report.reading import kinds
from report.reading.results import Document, is_begun, read_json
from report.reading.scored import refuse_replaced


def reproduction_facts(
    folder: Path, checkpoints: Sequence[CheckpointFacts], tasks: Sequence[TaskFacts], facts: Any
) -> Reproduction:
    """Returns the runs that scored, the versions that were used where, and the files that the facts come from.

    ``facts``: every fact that there is beside these.
    """
    names = ["base", *(checkpoint.name.value for checkpoint in checkpoints)]
    lacking = undone(folder)  # where a score was not made, its label bias may have been measured
    results = [
        (name, task.task, *_documents(folder, name, task.task))
        for task in tasks
        for name in names
        if (name, task.task) not in lacking and is_begun(folder / "scores" / name / task.task)
    ]
    runs = [_run(*found) for found in results]
    return Reproduction(runs=runs, versions=_versions(checkpoints, results), files=_files([facts, runs]))


def _documents(folder: Path, checkpoint: str, task: str) -> tuple[Document, Document | None]:
    """Returns lm_eval's results, and the command that made them where the workflow kept it."""
    home = f"scores/{checkpoint}/{task}"
    results = read_json(folder, f"{home}/results.json", kinds.RESULTS)
    if not (folder / home / "command.json").exists():
        return results, None
    command = read_json(folder, f"{home}/command.json", kinds.COMMAND)
    refuse_replaced(folder, command, checkpoint)
    return results, command


def _run(checkpoint: str, task: str, results: Document, command: Document | None) -> ScoringRun:
    seeds = ("random_seed", "numpy_seed", "torch_seed", "fewshot_seed")
    return ScoringRun(
        checkpoint=fact(checkpoint, "text", results.source()),
        task=fact(task, "text", results.source("results", task)),
        model_dtype=recorded(results, "config", "model_dtype", unit="text"),
        device=recorded(results, "config", "device", unit="text"),
        batch_size=recorded(results, "config", "batch_size", unit="setting"),
        commit=recorded(results, "git_hash", unit="text", absent="not run inside a git repository with a commit"),
        command=recorded(command, "command", unit="text") if command else missing("the command was not kept"),
        seconds=_seconds(results),
        date=recorded(results, "date", unit="number"),
        seeds=[
            NamedSetting(
                name=fact(key, "text", results.source("config", key)),
                value=recorded(results, "config", key, unit="setting"),
            )
            for key in seeds
        ],
    )


def _seconds(results: Document) -> Fact:
    # lm_eval writes this number as text.
    spent = recorded(results, "total_evaluation_time_seconds", unit="setting")
    try:
        return fact(float(spent.value), "seconds", spent.source) if is_known(spent) else spent
    except ValueError:
        return missing(f"{results.file} holds no number there")


def _versions(
    checkpoints: Sequence[CheckpointFacts], results: list[tuple[str, str, Document, Document | None]]
) -> list[UsedVersion]:
    """Returns name, version and where it was used; one row for each version that differs."""
    used: dict[tuple[str, str], list[str]] = {}
    first: dict[tuple[str, str], Source] = {}

    def note(name: str, value: Fact, where: str) -> None:
        if is_known(value):
            key = (name, str(value.value))
            first.setdefault(key, value.source)
            if where not in used.setdefault(key, []):
                used[key].append(where)

    for checkpoint in checkpoints:
        for row in checkpoint.versions if isinstance(checkpoint, Trained) else []:
            note(row.name.value, row.value, f"fine-tuning {checkpoint.name.value}")
    for _, _, document, _ in results:
        for name in ("lm_eval", "transformers"):
            note(name, recorded(document, f"{name}_version", unit="text"), "scoring")
    return [
        UsedVersion(
            name=fact(name, "text", first[name, version]),
            version=fact(version, "text", first[name, version]),
            where=fact(", ".join(used[name, version]), "text", first[name, version]),
        )
        for name, version in sorted(used)
    ]


def _files(facts: Any) -> list[UsedFile]:
    distinct = {source.file: source for source in sources(facts) if source.sha256}
    return [
        UsedFile(file=fact(name, "text", source), digest=fact(source.sha256, "text", source))
        for name, source in sorted(distinct.items())
    ]
