"""`aftertune params MODEL`: how many parameters a model has, trains and gains, without loading any weights.

MODEL is a folder or a config.json on this machine, or a Hub id; a folder that holds an adapter is counted on its base
model, and the count is checked against the tensors in the adapter's file.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune.heads import TASK_TYPES
from harness_tasks.errors import UserError, exit_on_user_error
from harness_tasks.files import write_json

if TYPE_CHECKING:
    from finetune.ledger import Ledger


def params(
    model: Annotated[str, typer.Argument(help="Hub id, model folder, config.json, or adapter folder.")],
    *,
    head: Annotated[
        str | None,
        typer.Option(help=f"{', '.join(TASK_TYPES)}. Default: the configuration's, else the one that fits."),
    ] = None,
    labels: Annotated[
        int | None, typer.Option(help="Classes of a sequence-classification head. Default: the configuration's.")
    ] = None,
    lora_r: Annotated[int | None, typer.Option(help="Rank of a LoRA adapter to count. Default: no adapter.")] = None,
    lora_targets: Annotated[
        str | None,
        typer.Option(
            help="Modules with LoRA, joined by commas: q_proj,v_proj. Default: all linear layers but the head."
        ),
    ] = None,
    lora_layers: Annotated[
        str | None, typer.Option(help="Indices of the layers with LoRA, joined by commas: 0,1,2. Default: all.")
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="The adapter's base model, if the path that the adapter names does not exist.")
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="Commit, branch or tag of a Hub id. Default: main, or what the adapter names.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON with plain integers.")] = False,
    output: Annotated[Path | None, typer.Option(help="Also write the JSON to this file.")] = None,
) -> None:
    """Count a model's parameters by component, beside their closed forms; no weights are loaded.

    Exit codes: 0; 1 if two counts of the same parameters disagree; 2 for wrong input.
    """
    # Here, because what counts takes longer to load than `--help` may.
    from report.reading.ledgers import counted_model, ledger_for

    with exit_on_user_error():
        ledger = ledger_for(
            model,
            head=head,
            labels=labels,
            lora_r=lora_r,
            lora_targets=_names(lora_targets),
            lora_layers=_indices(lora_layers),
            base=base,
            revision=revision,
        )
        content = {**ledger.as_json(), "counted": counted_model(model, revision)}
        if output is not None:
            write_json(output, content)
        print(json.dumps(content, indent=2, ensure_ascii=False) if as_json else table(ledger))


def table(ledger: "Ledger") -> str:
    """Returns the parameter counts as text: a line for each component, then total, trainable, added and tied."""
    rows = [("component", "counted", "closed form", "trainable", "formula")]
    for line in ledger.components:
        form = "none" if line.closed_form is None else f"{line.closed_form:,}"
        rows.append((line.component, f"{line.counted:,}", form, f"{line.trainable:,}", line.formula))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    widths[1] = max(widths[1], len(f"{ledger.total:,}"))
    lines = [f"{ledger.model}: {ledger.architecture}, head {ledger.head}", ""]
    for name, *numbers, formula in rows:
        cells = [f"{number:>{width}}" for number, width in zip(numbers, widths[1:], strict=True)]
        lines.append("  ".join([f"{name:<{widths[0]}}", *cells, formula]))
    share = 100 * ledger.trainable / ledger.total
    tied = "further uses of shared matrices, not counted again" if ledger.tied else "no matrix is shared"
    remarks = [
        ("total", ledger.total, "the model as it is deployed"),
        ("trainable", ledger.trainable, f"{share:.4f} % of the total"),
        ("added", ledger.added, "over the pre-trained model"),
        ("tied", ledger.tied, tied),
    ]
    lines.append("")
    lines += [f"{name:<{widths[0]}}  {value:>{widths[1]},}  {remark}" for name, value, remark in remarks]
    return "\n".join(lines)


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _indices(text: str | None) -> list[int] | None:
    names = _names(text)
    wrong = [name for name in names or [] if not name.isdecimal()]
    if wrong:
        raise UserError(
            f"--lora-layers {text}",
            f"{wrong[0]} is not the index of a layer; indices are integers from 0",
            "write them with commas between, for example --lora-layers 0,1,2",
        )
    return None if names is None else [int(name) for name in names]
