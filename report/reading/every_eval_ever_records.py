"""Records of Every Eval Ever (https://github.com/evaleval/every_eval_ever), whichever harness scored.

data/<collection>/<developer>/<model>/<id>.json            a model's scores
data/<collection>/<developer>/<model>/<id>_samples.jsonl   beside it, where there is one: an item by a score a line
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from statistics import fmean
from typing import Any, NotRequired

from typing_extensions import TypedDict

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_json
from harness_tasks.reading import Kind, checked, parse_rows, read_bytes, sha256_of, text_of
from report.reading.harnesses import (
    EVERY_EVAL_EVER,
    INSPECT,
    LIGHTEVAL,
    LM_EVAL,
    NO_ITEMS,
    NO_SCORES,
    Called,
    Harness,
    Place,
    Table,
    Translated,
    empty_content,
    key_of,
    stderr_key,
)
from report.reading.lm_eval_results import number


class _MetricConfig(TypedDict):
    lower_is_better: bool
    metric_id: NotRequired[str | None]
    metric_name: NotRequired[str | None]
    metric_kind: NotRequired[str | None]
    max_score: NotRequired[Any]


class _ScoreDetails(TypedDict):
    score: float | int
    uncertainty: NotRequired[dict[str, Any] | None]


class _Result(TypedDict):
    evaluation_name: str
    metric_config: _MetricConfig
    score_details: _ScoreDetails
    evaluation_result_id: NotRequired[str | None]


class _Library(TypedDict):
    name: str
    version: str


class _Model(TypedDict):
    name: str
    id: str


class _Details(TypedDict):
    file_path: str
    hash_algorithm: NotRequired[str | None]
    checksum: NotRequired[str | None]


class _Record(TypedDict):
    schema_version: str
    evaluation_id: str
    eval_library: _Library
    model_info: _Model
    evaluation_results: list[_Result]
    detailed_evaluation_results: NotRequired[_Details | None]


class _Input(TypedDict):
    raw: Any
    reference: NotRequired[Any]
    choices: NotRequired[Any]
    formatted: NotRequired[Any]


class _Evaluation(TypedDict):
    score: float | int


class _Instance(TypedDict):
    evaluation_id: str
    evaluation_name: str
    sample_id: str
    input: _Input
    evaluation: _Evaluation
    evaluation_result_id: NotRequired[str | None]
    output: NotRequired[dict[str, Any] | None]
    metadata: NotRequired[dict[str, Any] | None]


_RECORD = Kind(
    "the record of Every Eval Ever", NO_SCORES, "copy the record again, or make it anew", schema=_Record, finite=False
)
_INSTANCES = Kind(
    "the samples of a record of Every Eval Ever",
    NO_ITEMS,
    "copy the file again beside its record, or remove it: the recorded scores are shown without items",
    limit_mib=2048,
    schema=_Instance,
    finite=False,
)
_VERSIONS = ("0.2", "0.3")
_LIBRARIES = {"inspect_ai": INSPECT, "inspect": INSPECT, "lighteval": LIGHTEVAL, "lm_eval": LM_EVAL}
_LIBRARIES |= {"lm-evaluation-harness": LM_EVAL, "lm-eval": LM_EVAL}
_HASHES = ("sha256", "md5")


def is_every_eval_ever(content: Any) -> bool:
    """Returns whether a JSON value is a record of Every Eval Ever, if only in its outer shape."""
    return isinstance(content, dict) and {"schema_version", "evaluation_results", "model_info"} <= content.keys()


def read_record(content: Mapping[str, Any], path: Path, called: Called) -> Translated:
    """Returns what a record, and the samples beside it, hold, translated.

    Samples that cannot be used are named in the result's `unusable`.

    Raises:
        UserError: the record is of another version than those that are known, or lacks something.
    """
    version = str(content["schema_version"])
    if not re.fullmatch(rf"(?:{'|'.join(map(re.escape, _VERSIONS))})(?:\..*)?", version):
        raise UserError(
            f"{path} is a record of Every Eval Ever {version:.20}, and {' and '.join(_VERSIONS)} are known",
            "a later version may mean something else by the same names",
            "write the record anew in a known version, or compare the results that it was made of",
        )
    checked(content, path, _RECORD)
    shaped, places = empty_content(), dict[Place, Place]()
    keys: list[tuple[str, str]] = []
    scales: dict[str, set[Any]] = {}
    for at, result in enumerate(content["evaluation_results"]):
        task, place = result["evaluation_name"], ("evaluation_results", str(at))
        recorded = shaped["results"].setdefault(task, {})
        name = called(_metric_name(result["metric_config"]))
        key = key_of(name)
        if key in recorded:
            key = key_of(name, result.get("evaluation_result_id") or str(at))
        keys.append((task, key))
        recorded[key] = result["score_details"]["score"]
        places["results", task, key] = (*place, "score_details", "score")
        _add_uncertainty(shaped, places, task, key, result["score_details"].get("uncertainty") or {}, place)
        config = shaped["configs"].setdefault(task, {"metric_list": [], "metadata": {}})
        better = not result["metric_config"]["lower_is_better"]
        config["metric_list"].append({"metric": key.partition(",")[0], "higher_is_better": better})
        scales.setdefault(task, set()).add(result["metric_config"].get("max_score"))
        places["results", task] = place
    for task, highest in scales.items():
        if len(highest) == 1 and (scale := number(highest.pop())) in (1, 100):
            shaped["configs"][task]["metadata"]["scale"] = scale
    tables, unusable = dict[str, Table](), dict[str, UserError]()
    try:
        tables = _tables(content, path, keys)
    except UserError as error:
        unusable = dict.fromkeys(shaped["results"], error)
    for task, table in tables.items():
        shaped["n-samples"][task] = {"effective": len({row["doc_id"] for row in table.rows})}
    shaped["run"] = content["evaluation_id"]
    model = content["model_info"]
    shaped["config"] = {"model_args": {"pretrained": model["id"] or model["name"]}}
    places["config", "model_args"] = ("model_info", "id")
    library = content["eval_library"]
    told = "" if library["version"].lower() == "unknown" else library["version"]
    name = _LIBRARIES.get(library["name"].lower(), library["name"])
    harness = Harness(name, told, ("eval_library", "version"), EVERY_EVAL_EVER)
    return Translated(harness, shaped, places, tables, unusable=unusable)


def _metric_name(config: Mapping[str, Any]) -> str:
    """Returns what a record calls a metric: its id without the harness before it, else its name or kind.

    >>> _metric_name({"metric_id": "lm-evaluation-harness.exact_match", "metric_name": "exact match"})
    'exact_match'
    """
    told = next((config[key] for key in ("metric_id", "metric_name", "metric_kind") if config.get(key)), "score")
    return str(re.sub(r"\s+", "_", re.sub(r"^(?:lm-evaluation-harness|lm_eval|inspect_ai|lighteval)\.", "", told)))


def _add_uncertainty(
    shaped: dict[str, Any], places: dict[Place, Place], task: str, key: str, told: Mapping[str, Any], place: Place
) -> None:
    """Adds the standard error and the number of items, where a record has them."""
    error = told.get("standard_error")
    if isinstance(error, dict) and number(error.get("value")) is not None:
        shaped["results"][task][stderr_key(key)] = error["value"]
        at = ("score_details", "uncertainty", "standard_error", "value")
        places["results", task, stderr_key(key)] = (*place, *at)
    if isinstance(count := told.get("num_samples"), int):
        shaped["n-samples"].setdefault(task, {"effective": count})


def _tables(content: Mapping[str, Any], path: Path, keys: Sequence[tuple[str, str]]) -> dict[str, Table]:
    """Returns the sample rows by task, from the file beside the record; none where there is none."""
    told = content.get("detailed_evaluation_results")
    file = path.with_name(PurePosixPath(told["file_path"]).name) if told else None
    if told is None or file is None or not file.is_file():
        return {}
    found = read_bytes(file, _INSTANCES)
    algorithm = told.get("hash_algorithm") or "sha256"
    checksum = told.get("checksum") if algorithm in _HASHES else None
    if checksum and hashlib.new(algorithm, found, usedforsecurity=False).hexdigest() != checksum.lower():
        raise UserError(
            f"{file} is not the file that {path.name} names: its checksum differs", _INSTANCES.why, _INSTANCES.mend
        )
    items: dict[str, dict[str, dict[str, list[Mapping[str, Any]]]]] = {}
    by_id = {
        result.get("evaluation_result_id"): key for key, result in zip(keys, content["evaluation_results"], strict=True)
    }
    by_name: dict[str, list[str]] = {}
    for task, key in keys:
        by_name.setdefault(task, []).append(key)
    for line, row in enumerate(parse_rows(text_of(found, file, _INSTANCES), file, _INSTANCES), 1):
        if row["evaluation_id"] != content["evaluation_id"]:
            raise UserError(
                f"line {line} of {file} is of another evaluation than {path.name}", _INSTANCES.why, _INSTANCES.mend
            )
        task, key = by_id.get(row.get("evaluation_result_id") or "", (row["evaluation_name"], ""))
        if not key and len(by_name.get(task, ())) != 1:
            continue  # which of several scores it is of, it does not say
        key = key or by_name[task][0]
        items.setdefault(task, {}).setdefault(row["sample_id"], {}).setdefault(key, []).append(row)
    return {task: Table(list(_rows(of_task)), (), str(file), sha256_of(found)) for task, of_task in items.items()}


def _rows(items: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> Iterator[dict[str, Any]]:
    """Yields lm_eval's sample rows: an item by a filter; what was sampled several times is the mean of that."""
    for place, (sample_id, by_key) in enumerate(items.items()):
        filters = dict.fromkeys(key.partition(",")[2] for key in by_key)
        for name in filters:
            scores = {key.partition(",")[0]: rows for key, rows in by_key.items() if key.partition(",")[2] == name}
            row = next(iter(scores.values()))[0]
            asked, metadata = row["input"], row.get("metadata") or {}
            text = {"input": asked["raw"], "reference": asked.get("reference"), "choices": asked.get("choices")}
            raw = (row.get("output") or {}).get("raw")
            answers = raw if isinstance(raw, list) else [raw]
            yield {
                "doc_id": place,
                "doc": {**text, **metadata},
                "doc_hash": sha256_json(text if isinstance(asked["raw"], str) else {"id": sample_id}),
                "target": None,
                "filter": name,
                "metrics": list(scores),
                **{metric: fmean(one["evaluation"]["score"] for one in rows) for metric, rows in scores.items()},
                **({"arguments": [[asked["formatted"]]]} if isinstance(asked.get("formatted"), str) else {}),
                **({"resps": [answers], "filtered_resps": answers[:1]} if answers and None not in answers else {}),
            }
