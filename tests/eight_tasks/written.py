"""The folder of the tasks: YAML files, rows as JSON lines, and hooks in plain Python."""

import json
import random
from pathlib import Path
from typing import Any

import yaml

HOOKS = '''"""Hooks of the tasks beside this file: stock lm_eval, and nothing else."""

from pathlib import Path

import datasets


def load(rows, **kwargs):
    path = str(Path(__file__).with_name(rows + ".jsonl"))
    found = datasets.load_dataset("json", data_files=path, cache_dir=str(Path(__file__).with_name(".cache")))["train"]
    half = len(found) // 3
    return {"train": found.select(range(half)), "test": found.select(range(half, len(found)))}


def rated(doc, results):
    scores = [score for score, _ in results]
    return {"acc": float(scores.index(max(scores)) == doc["rating"]), "qwk": (doc["rating"], scores.index(max(scores)))}


def quadratic_kappa(items):
    """Quadratic weighted kappa, 1 - sum of squared distances over what chance would give."""
    items = list(items)
    observed = sum((a - b) ** 2 for a, b in items) / len(items)
    expected = sum((a - b) ** 2 for a, _ in items for _, b in items) / len(items) ** 2
    return 1 - observed / expected if expected else 0.0


def varied_choices(doc):
    return doc["options"]


def number(doc, results):
    said = results[0] if isinstance(results[0], str) else results[0][0]
    return {"exact_match": float(str(said).strip() == doc["answer"])}
'''
_COMMON = {"custom_dataset": "!function hooks.load", "training_split": "train", "test_split": "test"}


class _Dumper(yaml.SafeDumper):
    """Writes `!function hooks.f` as YAML's tag, as lm_eval reads it."""


def _text(dumper: yaml.SafeDumper, value: str) -> Any:
    if value.startswith("!function "):
        return dumper.represent_scalar("!function", value.removeprefix("!function "))
    return dumper.represent_scalar("tag:yaml.org,2002:str", value)


_Dumper.add_representer(str, _text)
GROUPS = {"quiz": (("quiz_four", "quiz_varied"), True), "opinions": (("mood", "is_true"), False)}
"""The tasks of each group, and lm_eval's `weight_by_size`."""
_MEAN = {"aggregation": "mean", "higher_is_better": True}
_WORDS = ["river", "stone", "lamp", "green", "quiet", "seven", "window", "paper", "cloud", "north", "bread", "silver"]


def write_tasks(folder: Path) -> Path:
    """Returns ``folder`` after writing the tasks to it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hooks.py").write_text(HOOKS, encoding="utf-8")
    for name, (rows, configuration) in _tasks().items():
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        whole = {"task": name, **_COMMON, "dataset_kwargs": {"rows": name}, **configuration}
        _write(folder / f"{name}.yaml", whole)
    for name, (parts, by_size) in GROUPS.items():
        listed = [{"metric": "acc", "aggregation": "mean", "weight_by_size": by_size}]
        _write(folder / f"{name}.yaml", {"group": name, "task": list(parts), "aggregate_metric_list": listed})
    return folder


def _write(path: Path, value: Any) -> None:
    path.write_text(yaml.dump(value, Dumper=_Dumper, sort_keys=False), encoding="utf-8")


def _tasks() -> dict[str, tuple[list[dict[str, Any]], dict[str, Any]]]:
    """Returns the rows and the settings of each task but the group."""
    choices = {"output_type": "multiple_choice"}
    written = {"output_type": "generate_until"}
    return {
        "quiz_four": (
            [_quiz(n, 4) for n in range(60)],
            choices
            | {
                "doc_to_text": "{{question}}\nAnswer:",
                "doc_to_choice": "{{options}}",
                "doc_to_target": "gold",
                "metric_list": [{"metric": "acc", **_MEAN}, {"metric": "acc_norm", **_MEAN}],
                "metadata": {"version": 1.0, "about": "Made-up questions with four answers."},
            },
        ),
        "quiz_varied": (
            [_quiz(n, 2 + n % 4) for n in range(45)],
            choices
            | {
                "doc_to_text": "{{question}}\nAnswer:",
                "doc_to_choice": "!function hooks.varied_choices",
                "doc_to_target": "gold",
                "metric_list": [{"metric": "acc", **_MEAN}],
                "metadata": {"version": 1.0, "about": "Made-up questions with two to five answers."},
            },
        ),
        "mood": (
            [{"text": _phrase("mood", n), "label": n * n % 5, "film": f"film {n // 3}"} for n in range(75)],
            choices
            | {
                "doc_to_text": "{{text}}\nMood:",
                "doc_to_choice": ["awful", "poor", "fair", "good", "great"],
                "doc_to_target": "label",
                "metric_list": [{"metric": "acc", **_MEAN}],
                "metadata": {"version": 1.0, "cluster": "film", "primary": "acc", "scale": 1},
            },
        ),
        "is_true": (
            [{"claim": _phrase("true", n), "label": int(n % 3 == 0)} for n in range(60)],
            choices
            | {
                "description": "Say whether each claim is true.\n\n",
                "doc_to_text": "{{claim}}\nTrue?",
                "doc_to_choice": ["no", "yes"],
                "doc_to_target": "label",
                "metric_list": [{"metric": "acc", **_MEAN}],
                "metadata": {"version": 1.0},
            },
        ),
        "sums": (
            [{"question": f"{n % 9} + {n % 7} =", "answer": str(n % 9 + n % 7)} for n in range(60)],
            written
            | {
                "doc_to_text": "{{question}}",
                "doc_to_target": "{{answer}}",
                "generation_kwargs": {"until": ["\n"], "max_gen_toks": 12, "do_sample": False},
                "filter_list": [
                    {"name": "strict", "filter": [_regex(r"#### (-?\d+)"), {"function": "take_first"}]},
                    {"name": "flexible", "filter": [_regex(r"(-?\d+)"), {"function": "take_first"}]},
                ],
                "metric_list": [{"metric": "exact_match", **_MEAN}],
                "metadata": {"version": 1.0, "about": "Sums of two numbers."},
            },
        ),
        "prose": (
            [{"page": " ".join(_phrase("prose", 10 * n + m) for m in range(2 + n % 3))} for n in range(36)],
            {
                "output_type": "loglikelihood_rolling",
                "doc_to_text": "",
                "doc_to_target": "{{page}}",
                "metric_list": [{"metric": name} for name in ("word_perplexity", "byte_perplexity", "bits_per_byte")],
                "metadata": {"version": 1.0, "about": "Made-up prose."},
            },
        ),
        "rating": (
            [{"text": _phrase("rating", n), "rating": n * 7 % 4, "essay": f"essay {n // 2}"} for n in range(72)],
            choices
            | {
                "doc_to_text": "{{text}}\nRating:",
                "doc_to_choice": ["zero", "one", "two", "three"],
                "doc_to_target": "rating",
                "process_results": "!function hooks.rated",
                "metric_list": [
                    {"metric": "qwk", "aggregation": "!function hooks.quadratic_kappa", "higher_is_better": True},
                    {"metric": "acc", **_MEAN},
                ],
                "metadata": {"version": 1.0, "cluster": "essay", "primary": "qwk"},
            },
        ),
    }


def _regex(pattern: str) -> dict[str, Any]:
    return {"function": "regex", "regex_pattern": pattern}


def _phrase(name: str, number: int) -> str:
    """Returns a sentence of made-up words that ``name`` and ``number`` decide."""
    drawn = random.Random(f"{name} {number}")
    return " ".join(drawn.choices(_WORDS, k=drawn.randint(3, 8))).capitalize() + "."


def _quiz(number: int, choices: int) -> dict[str, Any]:
    """Returns a question whose right answer is often at the second place, and often longer than the others."""
    drawn = random.Random(f"quiz {number} {choices}")
    gold = 1 if number % 2 else number // 2 % choices
    options = [" ".join(drawn.sample(_WORDS, 1 + (place == gold and number % 3 == 0))) for place in range(choices)]
    return {"question": _phrase("quiz", number), "options": options, "gold": gold}
