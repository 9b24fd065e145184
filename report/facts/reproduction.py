"""Facts for those who want to do it again: how scoring was run, versions, and the digest of every file used."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from report.facts.values import Fact, fact, is_known, missing, recorded, sources
from report.reading import kinds
from report.reading.results import Document, is_begun, read_json
from report.reading.scored import refuse_replaced


def reproduction_facts(folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the runs that scored, the versions that were used where, and the files that the facts come from."""
    names = ["base", *(checkpoint["name"]["value"] for checkpoint in facts["checkpoints"])]
    results = [
        (name, task["task"], *_documents(folder, name, task["task"]))
        for task in facts["tasks"]
        for name in names
        if is_begun(folder / "scores" / name / task["task"])
    ]
    return {
        "runs": [_run(*found) for found in results],
        "versions": _versions(facts, results),
        "files": _files([facts, [_run(*found) for found in results]]),
    }


def _documents(folder: Path, checkpoint: str, task: str) -> tuple[Document, Document | None]:
    """Returns lm_eval's results, and the command that made them where the workflow kept it."""
    home = f"scores/{checkpoint}/{task}"
    results = read_json(folder, f"{home}/results.json", kinds.RESULTS)
    if not (folder / home / "command.json").exists():
        return results, None
    command = read_json(folder, f"{home}/command.json", kinds.COMMAND)
    refuse_replaced(folder, command, checkpoint)
    return results, command


def _run(checkpoint: str, task: str, results: Document, command: Document | None) -> dict[str, Any]:
    seeds = ("random_seed", "numpy_seed", "torch_seed", "fewshot_seed")
    return {
        "checkpoint": fact(checkpoint, "text", results.source()),
        "task": fact(task, "text", results.source("results", task)),
        **{key: recorded(results, "config", key, unit="text") for key in ("model_dtype", "device")},
        "batch_size": recorded(results, "config", "batch_size", unit="setting"),
        "commit": recorded(results, "git_hash", unit="text", absent="not run inside a git repository with a commit"),
        "command": recorded(command, "command", unit="text") if command else missing("the command was not kept"),
        "seconds": _seconds(results),
        "date": recorded(results, "date", unit="number"),
        "seeds": [
            {
                "name": fact(key, "text", results.source("config", key)),
                "value": recorded(results, "config", key, unit="setting"),
            }
            for key in seeds
        ],
    }


def _seconds(results: Document) -> Fact:
    # lm_eval writes this number as text.
    spent = recorded(results, "total_evaluation_time_seconds", unit="setting")
    try:
        return spent if not is_known(spent) else fact(float(spent["value"]), "seconds", spent["source"])
    except ValueError:
        return missing(f"{results.file} holds no number there")


def _versions(
    facts: Mapping[str, Any], results: list[tuple[str, str, Document, Document | None]]
) -> list[dict[str, Any]]:
    """Returns name, version and where it was used; one row for each version that differs."""
    used: dict[tuple[str, str], list[str]] = {}
    first: dict[tuple[str, str], dict[str, str]] = {}

    def note(name: str, value: Fact, where: str) -> None:
        if is_known(value):
            key = (name, str(value["value"]))
            first.setdefault(key, value["source"])
            if where not in used.setdefault(key, []):
                used[key].append(where)

    for checkpoint in facts["checkpoints"]:
        for row in checkpoint.get("versions", []):
            note(row["name"]["value"], row["value"], f"fine-tuning {checkpoint['name']['value']}")
    for _, _, document, _ in results:
        for name in ("lm_eval", "transformers"):
            note(name, recorded(document, f"{name}_version", unit="text"), "scoring")
    return [
        {
            "name": fact(name, "text", first[name, version]),
            "version": fact(version, "text", first[name, version]),
            "where": fact(", ".join(used[name, version]), "text", first[name, version]),
        }
        for name, version in sorted(used)
    ]


def _files(tree: list[Any]) -> list[dict[str, Any]]:
    distinct = {source["file"]: source for source in sources(tree) if source["sha256"]}
    return [
        {"file": fact(name, "text", source), "digest": fact(source["sha256"], "text", source)}
        for name, source in sorted(distinct.items())
    ]
