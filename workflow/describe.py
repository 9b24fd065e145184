"""What the page says of the base model, read from its own files.

python -m workflow.describe STUDY OUTPUT
"""

from pathlib import Path

import typer

from finetune.kinds import ORIGIN
from harness_tasks.errors import exit_on_user_error
from harness_tasks.files import sha256_json, write_json
from harness_tasks.reading import read_json
from studies import load_study


def describe(study_file: str, output: Path) -> None:
    """Writes the base model's name, architecture, sizes, licence, links and hashes as JSON."""
    with exit_on_user_error():
        study = load_study(study_file)
        from finetune.models import load_config
        from finetune.record import base_record
        from workflow.pins import revision_of

        model, revision = study.model, revision_of(study)
        config = load_config(model.path, revision)
        base = base_record(model.path, revision)
        origin_file = Path(model.path) / "origin.json"
        origin = read_json(origin_file, ORIGIN) if origin_file.is_file() else {}
        facts = {
            "name": model.name or base["name"],
            "architecture": (config.architectures or [type(config).__name__])[0],
            "licence": model.licence,
            "url": model.url,
            "context_length_tokens": getattr(config, "max_position_embeddings", None),
            "vocabulary": config.vocab_size,
            "layers": getattr(config, "num_hidden_layers", None),
            "hidden_size": getattr(config, "hidden_size", None),
            "source": model.source,
            "dequantised_from": origin.get("dequantised_from"),
            "revision": base["revision"],
            "fingerprint": base["fingerprint"],
            "config_sha256": sha256_json(config.to_diff_dict()),
        }
        write_json(output, {key: value for key, value in facts.items() if value is not None})


if __name__ == "__main__":
    typer.run(describe)
