"""One step that looks which checkpoints from elsewhere are an adapter and its merge, and compares their logits.

python -m workflow.merges STUDY OUTPUT
"""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from finetune.elsewhere.merged_logits import MOST_ROWS
from finetune.kinds import MERGES
from finetune.machine import resolve_device
from harness_tasks.errors import UserError, exit_on_user_error
from harness_tasks.files import write_json
from harness_tasks.kinds import ASKED_SAMPLES, TENSORS
from harness_tasks.overlap import read_samples
from harness_tasks.reading import checked, read_json
from harness_tasks.secrets import cleaned
from studies import Study, load_study
from workflow import elsewhere, step_commands
from workflow.pins import revision_of


def merges(study_file: str, output: Path) -> None:
    """Writes `merges.json`: each whole model that is taken for an adapter's merge, and what it kept of that."""
    with exit_on_user_error():
        study = load_study(study_file)
        record = {"pairs": list(_pairs(study))}
        checked(record, output, MERGES)
        write_json(output, record)


def _pairs(study: Study) -> Iterator[dict[str, Any]]:
    from finetune.elsewhere.merges import merge_evidence
    from finetune.elsewhere.sides import side_of

    base = side_of(study.model.path, revision_of(study), weights=True, records=False)
    sides = []
    for one in study.checkpoints:  # as its record has it: of one on the Hub the commit that is scored
        of_it = elsewhere.weights(step_commands.checkpoint_folder(study, one) / "finetune.json")
        sides.append((one, side_of(of_it.place, of_it.revision, weights=True, records=True)))
    for (adapter, own), (merged, whole) in itertools.permutations(sides, 2):
        if own.kind != "adapter" or whole.kind != "model":
            continue
        changes = [
            read_json(step_commands.checkpoint_folder(study, one) / "tensors.json", TENSORS)
            for one in (adapter, merged)
        ]
        found = merge_evidence(base, own, whole, changes[0], changes[1])
        if found is None:
            continue
        task = next((task for task in study.scored_on(adapter) if task in study.scored_on(merged)), None)
        rows = chosen(step_commands.scores_folder(study, task, None) / "samples.jsonl") if task else {}
        yield {
            "adapter": adapter.name,
            "merged": merged.name,
            **found,
            **({"task": task, "doc_ids": list(rows)} if task else {}),
            "logits": _logits(study, own.folder, whole.folder, base.folder, list(rows.values())),
        }


def _logits(study: Study, adapter: Path, whole: Path, base: Path, texts: list[str]) -> dict[str, Any]:
    import torch

    from finetune.elsewhere.merged_logits import merged_logits

    if not texts:
        return {"not_measured": "no task was scored with both"}
    try:
        try:
            return merged_logits(adapter, whole, base, texts, device=resolve_device(study.device))
        except torch.OutOfMemoryError:  # in float32 it takes twice the memory that scoring takes
            return merged_logits(adapter, whole, base, texts, device="cpu")
    except UserError as error:  # the page says so, beside all that was measured of the two
        return {"not_measured": cleaned(error.found)}


def chosen(samples: Path) -> dict[int, str]:
    """Returns the texts of the items that are read, by their `doc_id`: what was asked, and the gold answer.

    They are those with the first hashes of their documents in order of the alphabet, whatever was scored first.
    """
    rows = sorted(read_samples(samples, ASKED_SAMPLES), key=lambda row: (row["doc_hash"], row["doc_id"]))
    return {row["doc_id"]: _text(row) for row in rows[:MOST_ROWS]}


def _text(row: Mapping[str, Any]) -> str:
    """Returns the text of an item: the gold choice, or the gold answer that it is to be answered with, at its end."""
    from report.facts.choices import choice_item

    asked = list(row["arguments"].values())
    prompt, second = str(asked[0].get("arg_0", "")), [one.get("arg_1") for one in asked]
    if all(isinstance(text, str) for text in second):
        item = choice_item({**row, "choices": second})
        gold = item.golds[0] if item else 0
        return f"{asked[gold].get('arg_0', '')}{second[gold]}"
    if second == [None]:
        return prompt  # a text whose likelihood is asked
    answers = row["doc"].get("answers")
    golds = answers.get("text") if isinstance(answers, Mapping) else [row.get("target", "")]
    return f"{prompt} {golds[0]}" if golds else prompt


if __name__ == "__main__":
    typer.run(merges)
