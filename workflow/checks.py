"""What can be told of a study in a moment, before Snakemake starts: the rest is the `check` step's."""

import importlib.util
import os
from pathlib import Path

from finetune.embedded import gguf_path
from harness_tasks.errors import UserError
from studies import Study
from studies.study import BUILT_IN


def check_study(study: Study) -> None:
    """Raises a UserError for a base model that is no model folder, a missing wheel, or a missing data folder."""
    model = Path(study.model.path)
    if study.model.id == "embedded" and not (model / "config.json").is_file():
        gguf_path()
    elif study.model.id not in BUILT_IN and model.exists() and not (model / "config.json").is_file():
        raise UserError(
            f"the folder {study.model.id} holds no config.json",
            "it is no model that transformers can load",
            "name the folder that save_pretrained wrote, or a Hub id, under `model: id:`",
        )
    if study.backend == "vllm" and importlib.util.find_spec("vllm") is None:
        raise UserError(
            "the study's backend is vllm, which is not installed here",
            "every score of a language model would fail after the training",
            "pip install 'aftertune[vllm]' (it needs a GPU), or write `backend: hf-shared`",
        )
    if "data_dir" in study.metadata:
        folder = Path(os.path.expandvars(study.metadata["data_dir"]))
        if not folder.is_dir():
            raise UserError(
                f"the study's data_dir {study.metadata['data_dir']!r} is no folder here",
                "its tasks read their rows from it",
                "set the environment variable AFTERTUNE_DATA to the folder with sst2/, squad1/ and squad2/, "
                "or take data_dir out of the study to read from the Hub",
            )
