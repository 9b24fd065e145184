"""One step that counts the parameters of a checkpoint from elsewhere, where its record says that it lies.

python -m workflow.count STUDY CHECKPOINT OUTPUT
"""

from pathlib import Path

import typer

from harness_tasks.errors import exit_on_user_error
from harness_tasks.files import sha256_file, write_json
from studies import load_study
from workflow import step_commands
from workflow.elsewhere import weights
from workflow.pins import revision_of


def count(study_file: str, name: str, output: Path) -> None:
    """Writes the parameter counts as `aftertune params` does, with the hash of the checkpoint's record.

    What a whole model trained is not told by its files: its trainable parameters are left out.
    """
    from report.reading.ledgers import ledger_for

    with exit_on_user_error():
        study = load_study(study_file)
        checkpoint = next(one for one in study.checkpoints if one.name == name)
        record = step_commands.checkpoint_folder(study, checkpoint) / "finetune.json"
        own = weights(record)
        base = study.model.path if own.is_adapter else None
        revision = revision_of(study) if own.is_adapter else own.revision
        counted = ledger_for(own.place, base=base, revision=revision).as_json()
        if not own.is_adapter:
            counted = {**counted, "trainable": None}
            counted["components"] = [{**row, "trainable": None} for row in counted["components"]]
        write_json(output, {**counted, "counted": {"checkpoint": sha256_file(record)}})


if __name__ == "__main__":
    typer.run(count)
