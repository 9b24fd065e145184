"""The scores as records of Every Eval Ever (https://github.com/evaleval/every_eval_ever), one a model.

A record lies where that project's data store would have it: `data/<collection>/<developer>/<model>/<id>.json`. The
format has no place for a paired difference, so a checkpoint's difference from the base stands among a score's details.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness_tasks.files import sha256_text
from report.facts.publication import HUB_PAGE
from report.facts.schema.parts import Fact, Known, is_known
from report.facts.schema.scores import MetricScores, ScoredTask, comparisons_of
from report.facts.schema.training import CheckpointFacts, Trained
from report.facts.schema.whole import Facts, ScoringRun
from report.reading.texts import one_line
from report.statistics.metrics import metric_of

SCHEMA_VERSION = "0.3.0"
"""The version of `eval.schema.json` in the package every-eval-ever of the same version."""

FOLDER = "every_eval_ever"

_SCALES = {"proportion": (0.0, 1.0), "points": (0.0, 100.0), "coefficient": (-1.0, 1.0)}
_UNITS = {"proportion": "proportion", "points": "percent", "coefficient": "coefficient", "number": "number"}
_UNKNOWN = "unknown"


def records(facts: Facts) -> dict[str, str]:
    """Returns the text of each model's record by its name within the study's folder."""
    found = {}
    models = [("base", "before", _base(facts))]
    models += [(checkpoint.name.value, "after", _checkpoint(facts, checkpoint)) for checkpoint in facts.checkpoints]
    for name, side, model in models:
        results = list(_results(facts, name, side))
        if results:
            record = _record(facts, name, model, results)
            # ASCII: no sign in it can be taken for another, and half a surrogate can be written.
            found[_path(facts, model["id"], record["evaluation_id"])] = json.dumps(record, indent=2) + "\n"
    return found


def _record(facts: Facts, name: str, model: dict[str, Any], results: list[dict[str, Any]]) -> dict[str, Any]:
    study = facts.study
    dates = [run.date.value for run in _runs(facts, name) if is_known(run.date)]
    scored = str(int(max(dates))) if dates else _UNKNOWN
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"aftertune/{_text(study.name)}/{one_line(name)}/{_text(study.digest)[:16]}",
        **({"evaluation_timestamp": scored} if dates else {}),
        # When scoring ended: the record is made of what stood in the files then, and is the same whenever it is made.
        "retrieved_timestamp": scored,
        "source_metadata": {
            "source_name": f"Aftertune study {_text(study.name)}",
            "source_type": "evaluation_run",
            "source_organization_name": ", ".join(_text(author.name) for author in study.authors) or _UNKNOWN,
            "evaluator_relationship": "third_party" if name == "base" else "first_party",
            "additional_details": _known({"title": study.title, "study_file_sha256": study.digest})
            | {"facts_schema": one_line(facts.schema_version)},
        },
        "eval_library": {
            "name": "lm_eval",
            "version": _version(facts, "lm_eval"),
            "additional_details": {"aftertune": _version(facts, "aftertune")},
        },
        "model_info": model,
        "evaluation_results": results,
    }


def _base(facts: Facts) -> dict[str, Any]:
    model = facts.model
    page = HUB_PAGE.fullmatch(str(model.url.value))
    name = _text(model.name)
    details = _known(
        {key: getattr(model, key) for key in ("fingerprint", "source", "dequantised_from", "licence", "parameters")}
    )
    return _model(
        facts, name, page[1] if page else _identity(facts, name), details, "open_weights" if page else _UNKNOWN
    )


def _checkpoint(facts: Facts, checkpoint: CheckpointFacts) -> dict[str, Any]:
    hub, name = checkpoint.hub, _text(checkpoint.name)
    published = hub.published and is_known(hub.repo)
    identity = _text(hub.repo) if published else _identity(facts, name)
    details: dict[str, Fact] = {
        "base_model": facts.model.name,
        "method": checkpoint.method,
        "trained_on": checkpoint.task,
    }
    if isinstance(checkpoint, Trained):
        details |= {"base_fingerprint": checkpoint.base_fingerprint, "seed": checkpoint.seed}
    if published:
        details |= {"revision": hub.commit}
    return _model(facts, name, identity, _known(details), "open_weights" if published else _UNKNOWN)


def _model(facts: Facts, name: str, identity: str, details: dict[str, str], availability: str) -> dict[str, Any]:
    return {
        "name": name,
        "id": identity,
        "developer": identity.split("/")[0],
        "inference_engine": {"name": "transformers", "version": _version(facts, "transformers")},
        "additional_details": {**details, "deployment_type": "self_deployed", "model_availability": availability},
    }


def _results(facts: Facts, name: str, side: str) -> Iterator[dict[str, Any]]:
    """Yields a result for each known score of a model, the base's from the first comparison that has it.

    The format wants to know whether lower is better: a score of which no file says that is left out.
    """
    for task in facts.tasks:
        seen: set[str] = set()
        for comparison in comparisons_of(task):
            if side == "after" and comparison.checkpoint.value != name:
                continue
            for score in comparison.scores:
                known = score.before if side == "before" else score.after
                if score.higher_is_better is not None and is_known(known) and score.metric not in seen:
                    assert isinstance(task, ScoredTask)  # it has scores
                    seen.add(score.metric)
                    details = _details(known) | ({} if side == "before" else _difference(score))
                    yield _result(facts, name, task, score, known, details)


def _result(
    facts: Facts, name: str, task: ScoredTask, score: MetricScores, known: Known, details: dict[str, str]
) -> dict[str, Any]:
    return {
        "evaluation_result_id": f"{_text(task.name)}/{one_line(score.metric)}",
        "evaluation_name": _text(task.name),
        "source_data": _data(task),
        "metric_config": _metric(task, score, known),
        "score_details": {"score": known.value, "details": details, "uncertainty": _uncertainty(known)},
        "generation_config": _generation(facts, name, task),
    }


def _data(task: ScoredTask) -> dict[str, Any]:
    data = task.data
    splits = {f"rows_of_{_text(row.split)}": row.rows for row in data.splits}
    prints = {f"sha256_of_{_text(row.split)}": row.fingerprint for row in data.splits}
    details = _known({"revision": data.revision, "source": data.source, **splits, **prints})
    name = _text(data.name) or _text(task.name)
    if data.source.value == "hub" and re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        return {"dataset_name": name, "source_type": "hf_dataset", "hf_repo": name, "additional_details": details}
    return {"dataset_name": name, "source_type": "other", "additional_details": details}


def _metric(task: ScoredTask, score: MetricScores, known: Known) -> dict[str, Any]:
    metric, unit = one_line(score.metric), known.unit
    moves = task.range_of(score.metric)
    entry = metric_of(metric)
    canonical = entry.every_eval_ever if unit == "proportion" else None
    lowest, highest = _SCALES.get(unit, (None, None))
    # A task that does not say its scale may have one that is not ours.
    holds = lowest is not None and highest is not None and lowest <= known.value <= highest
    kind = {"metric_kind": entry.every_eval_ever_kind} if entry.every_eval_ever_kind else {}
    return {
        "evaluation_description": _text(task.about) or _text(task.name),
        "metric_id": canonical or f"lm-evaluation-harness.{metric}",
        "metric_name": _text(score.label),
        **kind,
        "metric_unit": _UNITS[unit],
        "lower_is_better": not score.higher_is_better,
        "score_type": "continuous",
        "min_score": lowest if holds else None,
        "max_score": highest if holds else None,
        "additional_details": _known(
            {**({"signature": moves.signature} if moves else {}), "task_version": task.version}
        )
        | {"primary": "yes" if score.primary else "no"},
    }


def _details(known: Known) -> dict[str, str]:
    """Returns what the format has no field for, as text."""
    said = {} if known.clusters is None else {"clusters": str(known.clusters)}
    return said | {f"source_{key}": one_line(text) for key, text in known.source}


def _difference(score: MetricScores) -> dict[str, str]:
    """Returns a checkpoint's difference from the base, and its test, as text."""
    difference = score.difference
    if not is_known(difference):
        return {}
    said = {"difference_from_base": repr(difference.value)}
    for key, value in difference.interval or ():
        said[f"difference_{key}"] = one_line(value) if isinstance(value, str) else repr(value)
    return said | _known({"p_value": score.p_value, "p_value_holm": score.adjusted, "p_method": score.p_method})


def _uncertainty(known: Known) -> dict[str, Any]:
    found: dict[str, Any] = {} if known.n is None else {"num_samples": known.n}
    if interval := known.interval:
        found["confidence_interval"] = {
            "lower": interval.lower,
            "upper": interval.upper,
            "confidence_level": interval.confidence,
            "method": one_line(interval.method),
        }
    return found


def _generation(facts: Facts, name: str, task: ScoredTask) -> dict[str, Any]:
    run = next((run for run in _runs(facts, name) if run.task.value == task.name.value), None)
    details: dict[str, Fact] = {"worked_examples": task.setting}
    if run is None:
        return {"additional_details": _known(details)}
    details |= {key: getattr(run, key) for key in ("model_dtype", "device", "batch_size", "commit")}
    details |= {_text(seed.name): seed.value for seed in run.seeds}
    command = {"execution_command": _text(run.command)} if is_known(run.command) else {}
    return {"generation_args": command, "additional_details": _known(details)}


def _runs(facts: Facts, name: str) -> list[ScoringRun]:
    return [run for run in facts.reproduction.runs if run.checkpoint.value == name]


def _version(facts: Facts, software: str) -> str:
    rows = [row for row in facts.reproduction.versions if row.name.value == software]
    scoring = [row for row in rows if "scoring" in str(row.where.value).split(", ")]
    return ", ".join(_text(row.version) for row in scoring or rows) or _UNKNOWN


def _identity(facts: Facts, name: str) -> str:
    """Returns a name of the form `developer/model` for what is on no hub: the study's name, then its own."""
    return f"aftertune-{_component(_text(facts.study.name))}/{_component(name)}"


def _path(facts: Facts, identity: str, evaluation: str) -> str:
    """Returns where a record lies; its file is named by the evaluation, so that a new one takes the old one's place."""
    developer, _, model = identity.partition("/")
    collection = f"aftertune-{_component(_text(facts.study.name))}"
    digest = sha256_text(f"{collection}/{identity}/{evaluation.rpartition('/')[0]}")
    name = f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"
    folders = (FOLDER, "data", collection, _component(developer), _component(model))
    return "/".join([*folders, f"{name}.json"])


def _component(text: str) -> str:
    """Returns ``text`` as the name of one folder that every system can have.

    >>> _component("../a b"), _component("con")
    ('a-b', '_con')
    """
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-_ ")[:100].rstrip(".")
    reserved = re.fullmatch(r"(?i)(con|prn|aux|nul|data|com\d|lpt\d)(\..*)?", name)
    return f"_{name}" if reserved else name or "unnamed"


def _known(values: Mapping[str, Fact]) -> dict[str, str]:
    """Returns the known values as text; numbers as exact as they were computed."""
    known = {key: fact.value for key, fact in values.items() if is_known(fact)}
    return {one_line(key): one_line(value if isinstance(value, str) else repr(value)) for key, value in known.items()}


def _text(known: Fact) -> str:
    return one_line(str(known.value)).strip() if is_known(known) else ""
