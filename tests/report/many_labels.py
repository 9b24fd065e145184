"""A study of one task with any number of labels, its results made by hand."""

import json
from collections.abc import Sequence
from pathlib import Path

from harness_tasks.own_task.hooks import classification
from tests.report.synthetic import change_json, folder_of, write_rows, write_study

ITEMS = 40


def write_labelled(root: Path, names: Sequence[str], gold: Sequence[int], sides: Sequence[Sequence[int]]) -> Path:
    """Returns the study file of the task `reviews`: labels ``names``, and ``sides`` as predicted before and after.

    A chosen label is e times as probable as each other.
    """
    study = write_study(root, passages=(None, None), tasks={"reviews": {}})
    called = [f"label_{at}" for at in range(len(names))]
    for checkpoint, predicted in zip(("base", "reviews-lora-seed1"), sides, strict=True):
        home = folder_of(study) / "scores" / checkpoint / "reviews"
        rows = [json.loads(line) for line in (home / "samples.jsonl").read_text().splitlines()]
        written, items = [], []
        for row, right, said in zip(rows, gold, predicted, strict=True):
            values = [-1.5 if at == said else -2.5 for at in range(len(names))]
            scores = classification.process_results({"label": right}, [(value, False) for value in values], called)
            kept = {key: value for key, value in row.items() if key not in ("precision", "recall", "f1")}
            doc = row["doc"] | {"label": right}
            answers = [[str(value), str(value == -1.5)] for value in values]
            asked = {
                f"gen_args_{at}": {"arg_0": f"prompt {row['doc_id']}", "arg_1": f" {name}"}
                for at, name in enumerate(names)
            }
            about = {"doc": doc, "filtered_resps": answers, "target": str(right), "arguments": asked}
            written.append({**kept, **about, **scores})
            items.append(scores)
        write_rows(home / "samples.jsonl", written)
        mean = {name: sum(item[name] for item in items) / len(items) for name in ("acc", "brier")}
        of_all = {
            "macro_f1": classification.macro_f1,
            "mcc": classification.mcc,
            "ece": classification.expected_calibration_error,
            **{f"{kind}_of_{name}": classification.ratio for kind in ("precision", "recall") for name in called},
        }
        found = mean | {name: score([item[name] for item in items]) for name, score in of_all.items()}
        content = json.loads((home / "results.json").read_text())
        configuration = content["configs"]["reviews"]
        configuration["metric_list"] = [{"metric": name} for name in found]
        configuration |= {"output_type": "multiple_choice", "doc_to_choice": list(names)}
        configuration["metadata"] |= {"labels": list(names), "signature": dict.fromkeys(found, "by hand")}
        higher = {name: name not in ("brier", "ece") for name in found}
        change_json(
            home / "results.json",
            results={"reviews": {f"{name},none": value for name, value in found.items()}},
            configs={"reviews": configuration},
            higher_is_better={"reviews": higher},
        )
    return study
