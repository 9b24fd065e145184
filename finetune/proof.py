"""Proof after training: a process of its own loads the finished checkpoint and compares it with the trained model.

`write_expected` runs where the model was trained, `prove` starts `python -m finetune.proof CHECKPOINT SCRATCH`.
"""

import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from finetune import checks, passes
from finetune.batches import Group
from finetune.checks import MERGED_TOLERANCE, RELOAD_TOLERANCE
from finetune.formulations import FORMULATIONS
from finetune.kinds import FINETUNE, PROOF, ROW_LOG
from finetune.prepare import Prepared
from finetune.recipe import ADAPTER_METHODS
from finetune.rows import Row
from harness_tasks.files import write_json
from harness_tasks.guards.verdicts import Verdict
from harness_tasks.kinds import TENSORS
from harness_tasks.models.batch_effects import alone_over
from harness_tasks.models.weights import tensors_of
from harness_tasks.reading import read_json, read_rows

LOGIT_ROWS = 8
"""Rows whose logits are compared."""
SCORED_ROWS = 64
"""Rows at most that a classifier is tried on."""
WRITTEN_ROWS = 4
"""Rows whose answers are written to their end."""
MOST_CHOICES = 16
"""Distinct answers of a multiple-choice task up to which they are taken for its labels."""
_LAUNCHER = ("ACCELERATE_", "FSDP_", "TORCHELASTIC_", "RANK", "LOCAL_RANK", "GROUP_", "ROLE_", "WORLD_SIZE",
             "LOCAL_WORLD_SIZE", "MASTER_")  # fmt: skip
"""Beginnings of what torchrun and accelerate put into the environment; the proof is a single process."""


def write_expected(scratch: Path, *, model: Any, prepared: Prepared) -> None:
    """Writes into ``scratch`` the trained model's logits on some rows, and what else `prove` needs."""
    from accelerate.utils import extract_model_from_parallel

    model = extract_model_from_parallel(model, keep_fp32_wrapper=False)  # without the trainer's autocast
    run, rows = prepared.run, _spread(prepared.rows, LOGIT_ROWS)
    was_training = model.training
    model.eval()
    logits = _logits(model, prepared.formulation, rows, prepared.pad_id)
    model.train(was_training)
    save_file({"logits": logits.cpu().contiguous()}, scratch / "expected.safetensors")
    generation = prepared.task.config.generation_kwargs or {}
    until = generation.get("until") or []
    write_json(
        scratch / "expected.json",
        {
            # what full fine-tuning changes is float32, whatever its products are
            "dtype": "float32" if run.method == "full" else run.dtype,
            "device": str(next(model.parameters()).device),
            "threads": torch.get_num_threads(),
            "head": run.head,
            "pad_id": prepared.pad_id,
            "rows": [_as_json(row) for row in rows],
            "scored_rows": [_as_json(row) for row in _spread(prepared.dev_rows or prepared.rows, SCORED_ROWS)],
            "choices": _choices(prepared),
            "written_rows": [_as_json(row) for row in _spread(prepared.rows, WRITTEN_ROWS)]
            if prepared.stop_ids
            else [],
            "stop_ids": list(prepared.stop_ids),
            "until": [until] if isinstance(until, str) else list(until),
            "limit_tokens": max(32, 2 * max(len(row.target_ids) for row in prepared.rows)),
        },
    )


def prove(checkpoint: Path, scratch: Path) -> dict[str, Any]:
    """Returns what a process of its own finds about a finished checkpoint, after `write_expected`.

    Keys: ``verdicts`` (each a `Verdict` as JSON); ``max_logit_difference`` and, of an adapter,
    ``merged_max_logit_difference``; where there are labels ``accuracy`` and ``majority``, shares of ``accuracy_rows``
    rows; where answers are written ``stopped_share``.
    """
    result = scratch / "proof.json"
    result.unlink(missing_ok=True)
    alone = {name: value for name, value in os.environ.items() if not name.startswith(_LAUNCHER)}
    command = [sys.executable, "-m", "finetune.proof", str(checkpoint), str(scratch)]
    done = subprocess.run(command, env=alone, capture_output=True, text=True, check=False)
    if result.is_file():
        return dict(read_json(result, PROOF))
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    said = next((line.partition("Found: ")[2] for line in lines if "Found: " in line), lines[-1])
    return {"verdicts": [_cannot_load(f"the process that loads it ended with: {said}").as_json()]}


def examine(checkpoint: Path, scratch: Path) -> dict[str, Any]:
    """Returns what `prove` returns; to be called in a process that has not seen the trained model."""
    expected = read_json(scratch / "expected.json", PROOF)
    record = read_json(checkpoint / "finetune.json", FINETUNE)
    tensors = read_json(checkpoint / "tensors.json", TENSORS)["tensors"]
    log = read_rows(checkpoint / "row_log.jsonl", ROW_LOG)
    verdicts, figures, read = _of_model(checkpoint, scratch, expected)
    verdicts += [
        checks.changed_tensors(tensors, record, _adaptable(record)),
        checks.trainable_count(tensors, record, read or _saved_sizes(checkpoint)),
        checks.rows_once(log, record),
        checks.loss_shape([entry["loss"] for entry in record["loss_curve"]]),
    ]
    if record["recipe"].get("shuffle_targets"):
        verdicts = [checks.of_control(verdict) for verdict in verdicts]
    numbers = {name: value for name, value in figures.items() if math.isfinite(value)}
    return {"verdicts": [verdict.as_json() for verdict in verdicts], **numbers}


def _of_model(
    checkpoint: Path, scratch: Path, expected: dict[str, Any]
) -> tuple[list[Verdict], dict[str, Any], dict[str, int]]:
    """Returns the verdicts and figures for which the checkpoint is loaded, and the sizes of a whole model's tensors.

    Loading it fails where one is in no file.
    """
    from transformers import AutoTokenizer

    from finetune.merge import merged_model
    from finetune.models import load_checkpoint

    torch.set_num_threads(expected["threads"])
    device, formulation, pad_id = expected["device"], FORMULATIONS[expected["head"]], expected["pad_id"]
    rows = [_row(value) for value in expected["rows"]]
    wanted = load_file(scratch / "expected.safetensors")["logits"]
    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        model = load_checkpoint(checkpoint, dtype=getattr(torch, expected["dtype"])).to(device)
    except Exception as error:  # whatever it is, the checkpoint is of no use to others
        return [_cannot_load(f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}")], {}, {}
    verdicts = [Verdict("plain-load", "pass", "transformers and peft load model and tokenizer")]
    difference = _difference(_logits(model, formulation, rows, pad_id), wanted)
    figures: dict[str, Any] = {"max_logit_difference": difference}
    verdicts.append(_agree("reload-logits", "the loaded checkpoint and the trained model", difference, wanted))
    scored = [_row(value) for value in expected["scored_rows"]]
    if labels := _labels(scored, expected["choices"]):
        right = _right(model, formulation, scored, labels, expected)
        verdicts.append(checks.below_majority(right, labels))
        figures["accuracy"] = right / len(labels)
        figures["majority"] = Counter(labels).most_common(1)[0][1] / len(labels)
        figures["accuracy_rows"] = len(labels)
    if written := [_row(value) for value in expected["written_rows"]]:
        stopped = sum(_stops(model, tokenizer, row, expected) for row in written)
        verdicts.append(checks.never_stops(stopped, len(written), expected["limit_tokens"]))
        figures["stopped_share"] = stopped / len(written)
    if (checkpoint / "adapter_config.json").is_file():
        if expected["dtype"] != "float32":
            model = load_checkpoint(checkpoint, dtype=torch.float32).to(device)
        adapted = _logits(model, formulation, rows, pad_id)
        merged = _logits(merged_model(checkpoint).eval().to(device), formulation, rows, pad_id)
        figures["merged_max_logit_difference"] = difference = _difference(merged, adapted)
        whose = "the merged model and the adapter, in float32,"
        verdicts.append(_agree("merged-logits", whose, difference, adapted, tolerance=MERGED_TOLERANCE))
        return verdicts, figures, {}
    return verdicts, figures, {name: parameter.numel() for name, parameter in model.named_parameters()}


def _adaptable(record: dict[str, Any]) -> list[str] | None:
    """Returns the matrices that LoRA is put on where the recipe names none; None of a method without an adapter."""
    from finetune.models import load_config
    from finetune.targets import adaptable_matrices

    if record["method"] not in ADAPTER_METHODS:
        return None
    return adaptable_matrices(load_config(record["base"]["path"], record["base"]["revision"]), record["head"])


def _logits(model: Any, formulation: Any, rows: Sequence[Row], pad_id: int) -> Tensor:
    """Returns the logits of the supervised items of ``rows``, padded to one batch, on the CPU."""
    batch = formulation.collate([Group((row,), 0) for row in rows], pad_id=pad_id)
    device = next(model.parameters()).device
    batch = {name: value.to(device) if isinstance(value, Tensor) else value for name, value in batch.items()}
    with torch.no_grad():
        return passes.logits(formulation, model, batch, alone_over=alone_over(model)).cpu()


def _difference(found: Tensor, wanted: Tensor) -> float:
    """Returns the largest absolute difference; infinite where shapes or finite places differ, or nothing is finite."""
    finite = wanted.isfinite()
    if found.shape != wanted.shape or not torch.equal(found.isfinite(), finite) or not finite.any():
        return math.inf
    return float((found[finite] - wanted[finite]).abs().max())


def _agree(id_: str, whose: str, difference: float, wanted: Tensor, *, tolerance: float = RELOAD_TOLERANCE) -> Verdict:
    largest = float(wanted.nan_to_num(nan=0, posinf=0, neginf=0).abs().max())
    found = f"{whose} differ by at most {difference:.2g} in logits of up to {largest:.3g}, on {LOGIT_ROWS} rows"
    if difference <= tolerance * max(1.0, largest):
        return Verdict(id_, "pass", found)
    return Verdict(
        id_,
        "fail",
        found,
        "what others would load is not the model that was trained",
        "report it, with finetune.json; the checkpoint stays in the scratch folder",
    )


def _cannot_load(how: str) -> Verdict:
    return Verdict(
        "plain-load",
        "fail",
        f"the finished checkpoint cannot be loaded ({how})",
        "a checkpoint that nobody can load is of no use",
        "report it, with finetune.json; the checkpoint stays in the scratch folder",
    )


def _choices(prepared: Prepared) -> list[list[int]]:
    """Returns the token ids of the answers that a causal LM chooses from; [] where they are no common labels."""
    if prepared.run.head != "causal" or prepared.task.OUTPUT_TYPE != "multiple_choice":
        return []
    found = sorted({row.target_ids for row in prepared.rows})
    return [list(ids) for ids in found] if 2 <= len(found) <= MOST_CHOICES else []


def _labels(rows: Sequence[Row], choices: list[list[int]]) -> list[Any]:
    """Returns the rows' right labels: a classifier's, or the answers of a multiple-choice task; else []."""
    if choices:
        return [row.target_ids for row in rows]
    return [row.label for row in rows if row.label is not None]


def _right(model: Any, formulation: Any, rows: Sequence[Row], labels: Sequence[Any], expected: dict[str, Any]) -> int:
    """Returns how many rows get their right label; of answers, the one whose tokens are likeliest together."""
    choices, pad_id = [tuple(ids) for ids in expected["choices"]], expected["pad_id"]
    right = 0
    for start in range(0, len(rows), LOGIT_ROWS):
        part, wanted = rows[start : start + LOGIT_ROWS], labels[start : start + LOGIT_ROWS]
        if not choices:
            best: list[Any] = _logits(model, formulation, part, pad_id).argmax(-1).tolist()
        else:
            sums = []
            for choice in choices:
                asked = [Row("", None, "", row.prompt_ids, choice) for row in part]
                likely = _logits(model, formulation, asked, pad_id).log_softmax(-1)
                tokens = torch.tensor(choice * len(part)).unsqueeze(1)
                sums.append(likely.gather(1, tokens).view(len(part), len(choice)).sum(1))
            best = [choices[i] for i in torch.stack(sums).argmax(0).tolist()]
        right += sum(found == label for found, label in zip(best, wanted, strict=True))
    return right


def _stops(model: Any, tokenizer: Any, row: Row, expected: dict[str, Any]) -> bool:
    """Whether the answer that the model writes to a row ends: with an end token, or a stop string of the task."""
    ends = {tokenizer.eos_token_id} | set(expected["stop_ids"] if len(expected["stop_ids"]) == 1 else [])
    prompt = torch.tensor([row.prompt_ids], device=next(model.parameters()).device)
    written = model.generate(
        input_ids=prompt,
        attention_mask=torch.ones_like(prompt),
        max_new_tokens=expected["limit_tokens"],
        do_sample=False,
        eos_token_id=sorted(ends - {None}),
        pad_token_id=expected["pad_id"],
    )[0, len(row.prompt_ids) :].tolist()
    text = tokenizer.decode(written)
    return bool(ends & set(written)) or any(stop in text for stop in expected["until"])


def _saved_sizes(checkpoint: Path) -> dict[str, int]:
    """Returns the number of parameters of each tensor in the folder's safetensors files."""
    return {
        name: math.prod(tensor.shape)
        for path in checkpoint.glob("*.safetensors")
        for name, tensor in tensors_of(path).items()
    }


def _spread(rows: Sequence[Row], most: int) -> list[Row]:
    """Returns at most ``most`` of the rows, evenly spread over all of them."""
    count = min(most, len(rows))
    return [rows[i * len(rows) // count] for i in range(count)]


def _as_json(row: Row) -> dict[str, Any]:
    return {"prompt_ids": row.prompt_ids, "target_ids": row.target_ids, "label": row.label, "span": row.span}


def _row(value: dict[str, Any]) -> Row:
    span = value["span"] and (value["span"][0], value["span"][1])
    return Row("", None, "", tuple(value["prompt_ids"]), tuple(value["target_ids"]), value["label"], span)


if __name__ == "__main__":
    folder, place = Path(sys.argv[1]), Path(sys.argv[2])
    write_json(place / "proof.json", examine(folder, place))
