"""A study of kinds of task that are neither labels nor passages, made by hand: choices, generated answers, texts."""

import json
import math
import random
from pathlib import Path
from typing import Any

from harness_tasks.files import sha256_text
from harness_tasks.replicates import write_replicates
from tests.report.synthetic import folder_of, row_of, write_checkpoint, write_scored, write_study

QUIZ, SUMS, PROSE = "quiz", "sums", "prose"
_OUTPUTS = ["#### 7", "no no no no no no", "семь", "", "The answer is seven. #### 7", "7"]


def write_other_kinds(root: Path, *, seed: int = 1) -> Path:
    """Returns the study file of `write_study`, with three tasks of other kinds that ``seed`` decides."""
    tasks: dict[str, Any] = {QUIZ: {}, SUMS: {}, PROSE: {}}
    study = write_study(root, tasks=tasks, reviews=(None, None), passages=(None, None))
    folder = folder_of(study)
    for number, task in enumerate(tasks):
        for side, checkpoint in enumerate(("base", f"{task}-lora-seed1")):
            made = {QUIZ: quiz, SUMS: sums, PROSE: prose}[task](random.Random(f"{seed} {number} {side}"))
            rows, scores, configuration = made
            for row in rows:
                asked = row["arguments"]["gen_args_0"]["arg_0"]
                row |= {"prompt_hash": sha256_text(asked), "target_hash": sha256_text(row["target"])}
            write_scored(folder, checkpoint, task, rows, scores, {"primary": next(iter(scores))}, **configuration)
            samples = folder / "scores" / checkpoint / task / "samples.jsonl"
            read = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
            write_replicates(samples, Task(configuration["output_type"]), read, None)
        write_checkpoint(folder, f"{task}-lora-seed1", task)
    return study


class Task:
    """As much of a task of lm_eval as its replicates need."""

    class config:
        """It has no function of an item of its own."""

        process_results = None

    def __init__(self, output_type: str) -> None:
        self.OUTPUT_TYPE = output_type

    def aggregation(self) -> dict[str, Any]:
        """Returns the one aggregation that is no mean."""
        return {"byte_perplexity": _byte_perplexity}

    def doc_to_choice(self, doc: Any) -> list[str]:
        """Returns the choices."""
        return list(doc["options"])

    def doc_to_target(self, doc: Any) -> Any:
        """Returns the gold answer."""
        return doc.get("gold", doc.get("answer", doc.get("page")))

    def process_results(self, doc: Any, results: Any) -> dict[str, Any]:
        """Returns an item's scores."""
        if "options" in doc:
            values = [value for value, _ in results]
            return {"acc": float(values.index(max(values)) == doc["gold"])}
        if "page" in doc:
            return {"byte_perplexity": (results[0], len(doc["page"]))}
        return {"exact_match": float(results[0] == doc["answer"])}


def _byte_perplexity(items: Any) -> float:
    return math.exp(-sum(value for value, _ in items) / sum(size for _, size in items))


def quiz(drawn: random.Random) -> tuple[list[dict[str, Any]], dict[str, float], dict[str, Any]]:
    """Returns rows of four choices, the second of them often gold and the last often the longest."""
    rows = []
    for number in range(24):
        options = ["river", "stone", "green lamp", "cloud" * (1 + number % 3)]
        doc = {"question": f"question {number}", "options": options, "gold": [1, 1, 3, 0][number % 4]}
        values = [round(drawn.uniform(-3, 0), 1) for _ in options]
        asked = {f"gen_args_{n}": {"arg_0": f"prompt {number}", "arg_1": f" {text}"} for n, text in enumerate(options)}
        said = {"arguments": asked, "filtered_resps": [[str(value), "False"] for value in values]}
        acc = float(values.index(max(values)) == doc["gold"])
        rows.append(row_of(number, doc) | said | {"target": str(doc["gold"]), "metrics": ["acc"], "acc": acc})
    return rows, {"acc": sum(row["acc"] for row in rows) / 24}, {"output_type": "multiple_choice"}


def sums(drawn: random.Random) -> tuple[list[dict[str, Any]], dict[str, float], dict[str, Any]]:
    """Returns rows of outputs, of which a filter takes what stands behind a mark."""
    rows = []
    for number in range(20):
        doc = {"question": f"question {number}", "answer": "seven" if number % 3 else "7"}
        output = drawn.choice(_OUTPUTS)
        read = output.partition("#### ")[2] or "[invalid]"
        said = {"resps": [[output]], "filtered_resps": [read], "filter": "strict", "target": doc["answer"]}
        right = float(read == doc["answer"])
        rows.append(row_of(number, doc) | said | {"metrics": ["exact_match"], "exact_match": right})
    steps = [{"function": "regex", "regex_pattern": "#### (.*)"}, {"function": "take_first"}]
    configuration = {"output_type": "generate_until", "filter_list": [{"name": "strict", "filter": steps}]}
    return rows, {"exact_match": sum(row["exact_match"] for row in rows) / 20}, configuration


def prose(drawn: random.Random) -> tuple[list[dict[str, Any]], dict[str, float], dict[str, Any]]:
    """Returns rows of texts with their log-likelihoods."""
    rows = []
    for number in range(14):
        page = "A stone in the river. " * (1 + number % 4)
        value = -drawn.uniform(1, 3) * len(page)
        said = {"arguments": {"gen_args_0": {"arg_0": page}}, "filtered_resps": [str(value)], "target": page}
        scores = {"metrics": ["byte_perplexity"], "byte_perplexity": [value, len(page)]}
        rows.append(row_of(number, {"page": page}) | said | scores)
    total = _byte_perplexity([row["byte_perplexity"] for row in rows])
    return rows, {"byte_perplexity": total}, {"output_type": "loglikelihood_rolling"}
