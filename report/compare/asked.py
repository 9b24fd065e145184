"""Whether two models were asked the same, beyond what the settings say: by their samples, else by the data's names."""

import json
from typing import Any, NamedTuple

from harness_tasks.rendering import ADDRESS
from report.facts.pairing import ItemPair
from report.reading.published_names import short_name
from report.reading.task_runs import Run


class Seen(NamedTuple):
    """How many items of two paired models have other prompts, prompts that one lacks, and other gold answers."""

    changed: int
    unknown: int
    regraded: int


def seen(pair: ItemPair) -> Seen:
    """Returns what the samples of two say."""
    one, other = pair.one, pair.other
    asked = list(zip(one.prompts, pair.alignment.in_order(other.prompts), strict=True))
    graded = zip(one.targets, pair.alignment.in_order(other.targets), strict=True)
    return Seen(
        sum(None not in both and both[0] != both[1] for both in asked),
        sum(None in both for both in asked),
        sum(None not in both and both[0] != both[1] for both in graded),
    )


def told_by_samples(found: Seen, n: int, *, explained: bool) -> tuple[str, ...]:
    """Returns what must be said of two paired models; ``explained``: their settings say that the prompts differ."""
    flags = []
    if found.changed and not explained:
        flags.append(f"some prompts differ, though no setting of theirs does: of {found.changed:,} of {n:,} items")
    if found.unknown:
        flags.append(f"the prompts of {found.unknown:,} of {n:,} items are not recorded for both")
    if found.regraded:
        flags.append(f"other gold answers are recorded: of {found.regraded:,} of {n:,} items")
    return tuple(flags)


def told_by_names(one: Run, other: Run, *, explained: bool) -> tuple[str, ...]:
    """Returns what must be said of two runs whose items are not known for both: other data, seeds or hashes."""
    flags = []
    parts = [sorted(run.parts, key=lambda part: part.task) for run in (one, other)]
    for pair in zip(*parts, strict=True):
        data = [_data(run) for run in pair]
        if None not in data and data[0] != data[1]:
            names = [_named(run) for run in pair]
            told = f"names differ: {names[0]} and {names[1]}" if names[0] != names[1] else "files differ"
            flags.append(f"the data's {told}")
        hashes = [run.results.value("task_hashes", run.task) for run in pair]
        if not explained and all(isinstance(one_hash, str) for one_hash in hashes) and hashes[0] != hashes[1]:
            flags.append("lm_eval's hashes of the items, prompts and gold answers differ")
    return tuple(dict.fromkeys((*flags, *told_by_seeds(one, other))))


def told_by_seeds(one: Run, other: Run) -> tuple[str, ...]:
    """Returns that few-shot examples were drawn by other seeds, where the prompts themselves cannot be compared."""
    seeds = [run.results.value("config", "fewshot_seed") for run in (one, other)]
    drawn = any(run.shots[0] not in ([], [0]) and not all(map(_takes_the_first, run.parts)) for run in (one, other))
    if drawn and all(type(seed) is int for seed in seeds) and seeds[0] != seeds[1]:
        return (f"the seeds by which few-shot examples were drawn differ: {seeds[0]} and {seeds[1]}",)
    return ()


def repeats(one: Run, other: Run) -> str:
    """Returns that other numbers of answers were asked for each item; empty where they are equal or not recorded."""
    asked = [run.configuration.get("repeats") for run in (one, other)]
    if all(type(number) is int for number in asked) and asked[0] != asked[1]:
        return f"the numbers of answers to each item differ: {asked[0]:,} and {asked[1]:,}"
    return ""


def filter_of(run: Run, name: str) -> Any:
    """Returns the steps by which the filter ``name`` reads answers; None where they are not recorded."""
    for entry in run.configuration.get("filter_list") or ():
        if isinstance(entry, dict) and entry.get("name") == name:
            return json.loads(ADDRESS.sub("", json.dumps(entry.get("filter"), sort_keys=True, default=str)))
    return None


def _takes_the_first(run: Run) -> bool:
    return (run.configuration.get("fewshot_config") or {}).get("sampler") == "first_n"


def _data(run: Run) -> str | None:
    config = run.configuration
    if not isinstance(config.get("dataset_path"), str):
        return None
    options = config.get("dataset_kwargs")
    files = {key: options.get(key) for key in ("data_files", "data_dir")} if isinstance(options, dict) else {}
    return json.dumps([_names(config), {key: value for key, value in files.items() if value}], default=str)


def _names(config: Any) -> list[str]:
    split = next((config[key] for key in ("test_split", "validation_split") if config.get(key)), "")
    return [str(part) for part in (config["dataset_path"], config.get("dataset_name") or "", split)]


def _named(run: Run) -> str:
    path, *others = _names(run.configuration)
    return " ".join([short_name(path), *filter(None, others)])
