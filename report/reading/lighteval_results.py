"""The results of lighteval (https://github.com/huggingface/lighteval), and the details of each item beside them.

results/<model>/results_<time>.json                          the scores of a run
details/<model>/<time>/details_<task>|<shots>_<time>.parquet   a row an item: its document, answer and scores
<time>/details_<task>_<time>.parquet                         the same, in a repository of the Hub

Before 0.11 the columns of the details had other names, and their values stood there as text. lighteval calls a task
`suite|task|shots`, later `task|shots`, with `task:part` for a part of a group.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired

from typing_extensions import TypedDict

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_json
from harness_tasks.reading import Kind, checked, read_bytes, sha256_of
from report.reading.harnesses import (
    LIGHTEVAL,
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
from report.reading.parquet import parquet_rows


class _Task(TypedDict, total=False):
    metrics: list[dict[str, Any]] | None
    version: int | str | None
    num_fewshots: int | None
    prompt_function: str | None


class _Results(TypedDict):
    config_general: dict[str, Any]
    results: dict[str, dict[str, Any]]
    versions: NotRequired[dict[str, Any] | None]
    config_tasks: NotRequired[dict[str, _Task] | None]


_RESULTS = Kind(
    "lighteval's result file",
    NO_SCORES,
    "name the folder that was lighteval's --output-dir",
    schema=_Results,
    finite=False,
)
DETAILS = Kind(
    "lighteval's details",
    NO_ITEMS,
    "score again with --save-details, or remove the file: the recorded scores are shown without items",
    limit_mib=2048,
)
_COLUMNS = [f"doc.{name}" for name in ("query", "choices", "gold_index", "specific", "id", "fewshot_samples")]
_COLUMNS += [f"model_response.{name}" for name in ("input", "text", "text_post_processed", "logprobs")]
_COLUMNS += ["metric", "metrics", "example", "full_prompt", "choices", "gold_index", "gold", "specifics", "predictions"]
_NAME = re.compile(r"(?:[^|]+\|)?(?P<task>[^|]+)\|(?P<shots>\d+)(?:\|\d)?")
"""A task's name with the suite before it, which is gone since 0.12, and the few-shot examples behind it."""
_AVERAGE = ":_average"
_LONGEST = 200_000
"""Characters of a value that stands in old details as the text of a Python literal."""
_TIME = re.compile(r"_(\d{4}-\d\d-\d\dT[\d.:-]+)\.json$")


def is_lighteval(content: Any) -> bool:
    """Returns whether results are of lighteval's own tasks; the first Open LLM Leaderboard ran lm_eval's by it."""
    if not isinstance(content, dict) or not isinstance(content.get("config_general"), dict):
        return False
    results = content.get("results")
    tasks = [task for task in results if task != "all"] if isinstance(results, dict) else []
    return any("|" in task and not task.startswith("harness|") for task in tasks)


def read_results(content: Mapping[str, Any], path: Path, root: Path, called: Called) -> Translated:
    """Returns what a result file and the details beside it hold, translated; ``root`` is where details are looked for.

    Details that cannot be used are named in the result's `unusable`. UserError where the result file is none.
    """
    checked(content, path, _RESULTS)
    general = content["config_general"]
    shaped, places = empty_content(), dict[Place, Place]()
    names = _names([task for task in content["results"] if task != "all"])
    tables: dict[str, Table] = {}
    unusable: dict[str, UserError] = {}
    details = _details(path, root)
    for raw, task in names.items():
        configured = _configuration(content, raw)
        metrics = {name: metric for metric in configured.get("metrics") or () for name in _metric_names(metric)}
        places["results", task] = ("results", raw)
        _add_scores(shaped, places, raw, task, content["results"][raw], metrics, called)
        if _AVERAGE in raw:
            head = raw.partition(_AVERAGE)[0]
            parts = [other for name, other in names.items() if name.startswith(f"{head}:") and name != raw]
            shaped["group_subtasks"][task] = parts
            continue
        version = (content.get("versions") or {}).get(raw, configured.get("version"))
        shots = configured.get("num_fewshots", _shots(raw))
        asked_by = {"doc_to_text": configured["prompt_function"]} if configured.get("prompt_function") else {}
        shaped["configs"][task] = {**asked_by, "metric_list": _declared(metrics, called), "metadata": {}}
        shaped["versions"] |= {task: version} if version is not None else {}
        shaped["n-shot"] |= {task: shots} if isinstance(shots, int) else {}
        try:
            if (file := _details_of(raw, details)) is not None:
                tables[task] = _table(file, called)
                shaped["n-samples"][task] = {"effective": len(tables[task].rows)}
                if not any("resps" in row for row in tables[task].rows):
                    shaped["configs"][task]["output_type"] = "multiple_choice"
        except UserError as error:
            unusable[task] = error
    shaped["config"] = _model(general)
    seconds = general.get("total_evaluation_time_secondes")
    shaped |= {"model_name": str(general.get("model_name", ""))} | (
        {"total_evaluation_time_seconds": seconds} if seconds else {}
    )
    places["total_evaluation_time_seconds",] = ("config_general", "total_evaluation_time_secondes")
    places["config", "model_args"] = ("config_general", "model_name")
    commit = general.get("lighteval_sha")
    version = f"at commit {commit[:12]}" if isinstance(commit, str) and re.fullmatch("[0-9a-f]{7,40}", commit) else ""
    return Translated(
        Harness(LIGHTEVAL, version, ("config_general", "lighteval_sha")), shaped, places, tables, unusable=unusable
    )


def _names(raw: Sequence[str]) -> dict[str, str]:
    """Returns what each task is called, by lighteval's name: without suite and number of shots, where that is unique.

    >>> _names(["lighteval|arc:challenge|25", "gsm8k|0", "gsm8k|5"])
    {'lighteval|arc:challenge|25': 'arc_challenge', 'gsm8k|0': 'gsm8k|0', 'gsm8k|5': 'gsm8k|5'}
    """
    short = {}
    for name in raw:
        found = _NAME.fullmatch(name)
        task = found["task"] if found else name
        short[name] = task.replace(_AVERAGE, "").replace(":", "_")
    return {name: task if list(short.values()).count(task) == 1 else name for name, task in short.items()}


def _shots(raw: str) -> int | None:
    found = _NAME.fullmatch(raw)
    return int(found["shots"]) if found else None


def _configuration(content: Mapping[str, Any], raw: str) -> Mapping[str, Any]:
    configured = content.get("config_tasks") or {}
    return configured.get(raw) or configured.get(raw.rpartition("|")[0]) or {}


def _metric_names(metric: Mapping[str, Any]) -> list[str]:
    """Returns the scores that a metric gives: its name, or several."""
    name = metric.get("metric_name")
    return [part for part in (name if isinstance(name, list) else [name]) if isinstance(part, str)]


def _declared(metrics: Mapping[str, Mapping[str, Any]], called: Called) -> list[dict[str, Any]]:
    """Returns the metrics as lm_eval's `metric_list` says them: by which way they are better, and whether a mean."""
    listed = []
    for name, metric in metrics.items():
        better = metric.get("higher_is_better")
        better = better.get(name) if isinstance(better, dict) else better
        entry: dict[str, Any] = {"metric": called(name).replace(",", ";")}
        entry |= {"aggregation": "mean"} if metric.get("corpus_level_fn") in ("mean", "np.mean") else {}
        listed.append(entry | ({"higher_is_better": better} if isinstance(better, bool) else {}))
    return listed


def _add_scores(
    shaped: dict[str, Any],
    places: dict[Place, Place],
    raw: str,
    task: str,
    scores: Mapping[str, Any],
    metrics: Mapping[str, Any],
    called: Called,
) -> None:
    """Adds a task's scores in the order of its metrics, each with its standard error."""
    recorded = shaped["results"].setdefault(task, {})
    first = [name for name in metrics if name in scores]
    for name in dict.fromkeys((*first, *scores)):
        if name.endswith("_stderr") or number(scores[name]) is None:
            continue
        key = key_of(called(name))
        key = key_of(called(name), name) if key in recorded else key
        for ours, theirs in ((key, name), (stderr_key(key), f"{name}_stderr")):
            if theirs in scores:
                recorded[ours] = scores[theirs]
                places["results", task, ours] = ("results", raw, theirs)


def _model(general: Mapping[str, Any]) -> dict[str, Any]:
    """Returns which model ran, and of its configuration what says which one it was."""
    config = general.get("model_config")
    config = config if isinstance(config, dict) else {}
    given = {"pretrained": general.get("model_name") or config.get("model_name")}
    given |= {key: config.get(key) for key in ("revision", "dtype", "adapter_weights", "delta_weights", "subfolder")}
    limit, dtype = number(general.get("max_samples")), config.get("dtype") or general.get("model_dtype")
    found = {
        "model_args": {key: value for key, value in given.items() if isinstance(value, str) and value},
        "limit": limit,
        "model_sha": general.get("model_sha"),
        "model_dtype": dtype if isinstance(dtype, str) else None,
    }
    return {key: value for key, value in found.items() if value}


def _details(path: Path, root: Path) -> list[Path]:
    """Returns the details that were written together with a result file: their names have its time."""
    found = _TIME.search(path.name)
    if found is None:
        return []
    folders = [root] if root.is_dir() else [path.parent]
    if not root.is_dir() and "results" in path.parts:  # the result file itself was named
        above = path.parents[len(path.parts) - 2 - path.parts.index("results")]
        folders.append(above.parent / "details")
    time = found[1]
    return sorted({file for folder in folders for file in folder.rglob(f"details_*_{time}.parquet")})


def _details_of(raw: str, details: Sequence[Path]) -> Path | None:
    """Returns the details of a task; UserError where there are several that differ."""
    shown = {raw, re.sub(r"\W", "_", raw), raw.replace("/", "_")}
    found = [file for file in details if re.sub(r"^details_|_[^_]+$", "", file.stem) in shown]
    if len(found) > 1 and len({sha256_of(_content(file)) for file in found}) > 1:
        raise UserError(
            f"two files {found[0].name} are details of one task and one time, and differ",
            DETAILS.why,
            "remove the one that does not belong to the result file",
        )
    return found[0] if found else None


def _content(file: Path) -> bytes:
    """Returns what is in a file of details; errors call it by its name, since it lies elsewhere than the results."""
    return read_bytes(file, DETAILS, shown=file.name)


def _table(file: Path, called: Called) -> Table:
    content = _content(file)
    details = enumerate(parquet_rows(content, file.name, DETAILS, _COLUMNS))
    rows = [_row(place, detail, file.name, called) for place, detail in details]
    if not rows:
        raise UserError(f"{file.name} holds no rows", DETAILS.why, DETAILS.mend)
    return Table(rows, (), str(file), sha256_of(content))


def _row(place: int, detail: Mapping[str, Any], file: str, called: Called) -> dict[str, Any]:
    """Returns an item as lm_eval's sample row."""
    doc, response = detail.get("doc"), detail.get("model_response")
    if isinstance(doc, dict):
        response = response if isinstance(response, dict) else {}
        asked, texts = response.get("input"), response.get("text") or []
        shown, logprobs = response.get("text_post_processed") or texts, response.get("logprobs") or []
        scores = detail.get("metric")
    else:  # before 0.11
        old = {key: _literal(value) for key, value in detail.items()}
        doc = {"query": old.get("example"), "choices": old.get("choices"), "gold_index": old.get("gold_index")}
        doc["specific"] = old.get("specifics")
        asked, texts, logprobs = old.get("full_prompt"), old.get("predictions") or [], []
        shown, scores = texts, old.get("metrics")
    if not isinstance(scores, dict) or not isinstance(doc.get("query"), str):
        raise UserError(
            f"{file} holds rows without a document or without scores (row {place + 1})", DETAILS.why, DETAILS.mend
        )
    text = {key: doc.get(key) for key in ("query", "choices", "gold_index")}
    specific = doc.get("specific")
    row: dict[str, Any] = {
        "doc_id": place,
        "doc": {**text, **(specific if isinstance(specific, dict) else {})},
        "doc_hash": sha256_json(text),
        "target": None,
        "filter": "none",
        **({"arguments": [[asked]]} if isinstance(asked, str) else {}),
        **_answers(texts, shown, logprobs),
    }
    values = {
        called(name).replace(",", ";"): found for name, value in scores.items() if (found := _value(value)) is not None
    }
    return {**row, "metrics": list(values), **values}


def _answers(texts: Any, shown: Any, logprobs: Any) -> dict[str, Any]:
    if isinstance(texts, list) and texts:
        return {"resps": [texts], "filtered_resps": shown[:1] if isinstance(shown, list) else texts[:1]}
    return {"filtered_resps": [[value, False] for value in logprobs]} if logprobs else {}


def _value(value: Any) -> Any:
    """Returns what an item adds to a metric: a number, or the pair of gold and predicted label; None for all else.

    >>> _value(True), _value({"golds": [0], "preds": 1}), _value({"golds": ["a"], "preds": "b"})
    (True, [0, 1], None)
    """
    if isinstance(value, dict) and value.keys() >= {"golds", "preds"}:
        pair = [
            part[0] if isinstance(part, list) and len(part) == 1 else part for part in (value["golds"], value["preds"])
        ]
        return pair if all(type(part) is int for part in pair) else None
    return value if isinstance(value, int | float) else None


def _literal(value: Any) -> Any:
    """Returns the value that a text of a Python literal stands for; the text itself where it is none."""
    if not isinstance(value, str) or len(value) > _LONGEST or value[:1] not in "[{(0123456789-\"'":
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return value
