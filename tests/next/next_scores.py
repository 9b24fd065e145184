"""What lm_eval gives our seven tasks on a tiny model, as JSON: run by two environments, whose answers must be equal.

python tests/next/next_scores.py MODEL DATA OUTPUT
"""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

PASSAGES = Path(__file__).resolve().parents[2] / "harness_tasks" / "passages_demo"
OTHER = {"other_rows": True}
TASKS = ("sst2_llama", "sst2_llama_glue", "squad_llama", "squad_v1_llama", "squad_v2_llama")
DEMO = ("reviews_demo", "passages_demo")
ITEMS = 4


def write_data(folder: Path) -> Path:
    """Returns ``folder`` with files of SST-2's and SQuAD's form: the demo's passages, and sentences made of them."""
    train, test = (json.loads((PASSAGES / f"{name}.json").read_text(encoding="utf-8")) for name in ("train", "test"))
    for place, answerable in (("squad2", False), ("squad1", True)):
        version = "v1.1" if answerable else "v2.0"
        (folder / place).mkdir(parents=True)
        for name, content in (("train", train), ("dev", test)):
            articles = json.loads(json.dumps(content))
            for article in articles["data"]:
                for paragraph in article["paragraphs"]:
                    asked = paragraph["qas"]
                    paragraph["qas"] = [one for one in asked if one["answers"] or not answerable]
            (folder / place / f"{name}-{version}.json").write_text(json.dumps(articles), encoding="utf-8")
    (folder / "sst2").mkdir()
    for name, content, count in (("train", train, 120), ("dev", test, 40)):
        questions = [
            asked["question"] for article in content["data"] for part in article["paragraphs"] for asked in part["qas"]
        ]
        lines = [f"{question}\t{at % 2}" for at, question in enumerate(questions[:count])]
        (folder / "sst2" / f"{name}.tsv").write_text("\n".join(["sentence\tlabel", *lines, ""]), encoding="utf-8")
    return folder


def scored(model: Path, data: Path) -> dict[str, Any]:
    """Returns of each task, model class and number of shots the scores, and what each item was asked and got."""
    import lm_eval

    from finetune.rows import Renderer, training_rows
    from harness_tasks import TASKS_PATH
    from harness_tasks.loading import load_task, task_manager
    from harness_tasks.models.recorded_lm import RecordedLM
    from harness_tasks.models.shared_lm import SharedLM
    from harness_tasks.prior import prior
    from harness_tasks.rendering import render_hash, render_parts

    found: dict[str, Any] = {}
    arguments: dict[str, Any] = {"pretrained": str(model), "dtype": "float32", "device": "cpu", "batch_size": 4}
    models = {"hf-recorded": RecordedLM(**arguments), "hf-shared": SharedLM(**arguments)}
    for name in (*TASKS, *DEMO):
        metadata = {} if name in DEMO else {"data_dir": str(data), **OTHER}
        for shots in (0, 2):
            for by, lm in models.items():
                results: Any = lm_eval.simple_evaluate(
                    model=lm,
                    tasks=[name],
                    task_manager=task_manager(TASKS_PATH, metadata),
                    num_fewshot=shots,
                    apply_chat_template=shots == 2,
                    fewshot_as_multiturn=shots == 2,
                    limit=ITEMS,
                    gen_kwargs={"max_gen_toks": 6} if "squad" in name or name == "passages_demo" else None,
                )
                given = results["results"][name]
                found[f"{name}, {shots} shots, {by}"] = {
                    "scores": {key: given[key] for key in sorted(given) if "," in key},
                    "higher_is_better": dict(sorted(results["higher_is_better"][name].items())),
                    "items": [_item(row) for row in results["samples"][name]],
                }
        task = load_task(name, metadata=metadata)
        renderer = Renderer(task, models["hf-shared"].tokenizer, num_fewshot=0, apply_chat_template=False)
        rows, counts = training_rows(task, partial(_training_row, renderer), train_rows=20)
        ids = [[*row.prompt_ids, *row.target_ids] for row in rows]
        found[f"{name}, training rows"] = {"counts": counts, "ids": ids}
        asked = {"pretrained": str(model), "dtype": "float32"}
        found[f"{name}, prior"] = prior(name, model="hf-recorded", model_args=asked, device="cpu", metadata=metadata)
        found[f"{name}, rendering"] = render_hash(
            render_parts(
                task.dump_config(),
                num_fewshot=0,
                chat_template_sha=None,
                fewshot_as_multiturn=None,
                system_instruction_sha=None,
            )
        )
    return found


def _training_row(renderer: Any, doc: dict[str, Any], cluster: str | None, text: str) -> Any:
    from finetune import causal

    return causal.row(renderer, doc, cluster=cluster, text=text)


def _item(row: dict[str, Any]) -> dict[str, Any]:
    """Returns what an item was asked and got: lm_eval 0.5 has one bracket more around a response."""
    kept = {key: row[key] for key in ("doc_id", "doc_hash", "prompt_hash", "target_hash", "filter", "resps")}
    return {**kept, "asked": [list(one) for one in row["arguments"]], **{name: row[name] for name in row["metrics"]}}


if __name__ == "__main__":
    model, data, output = map(Path, sys.argv[1:])
    from lm_eval.utils import handle_non_serializable

    output.write_text(json.dumps(scored(model, data), default=handle_non_serializable), encoding="utf-8")
