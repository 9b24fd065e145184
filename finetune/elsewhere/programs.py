"""What each program leaves beside the weights that it trained, and which of its names are ours.

Sources: peft's `adapter_config.json`; transformers' `TrainerState` and `TrainingSummary` (the model card), which TRL
and Unsloth leave too; axolotl's configuration, whole in the model card; LLaMA-Factory's `training_args.yaml`,
`llamaboard_config.yaml` and `trainer_log.jsonl`.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from finetune.elsewhere.files import ForeignFolder
from finetune.elsewhere.recorded import Recorded, count_of, mapping, number_of
from finetune.kinds import FINETUNE
from finetune.recipe import LORA_LINEAR_LAYERS
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.kinds import Count, Text
from harness_tasks.models.files import ADAPTER, CARD
from harness_tasks.reading import Kind, parse_yaml

_Number = Annotated[float, Field(allow_inf_nan=True)]


class _TrainerState(TypedDict, total=False):
    epoch: _Number | None
    global_step: Count
    max_steps: int
    num_train_epochs: _Number | None
    train_batch_size: int | None
    num_input_tokens_seen: int | None
    best_global_step: int | None
    log_history: list[dict[Text, Any]]


_WHY = "it records how the checkpoint was trained"
_MEND = "copy it again from where it was trained, or take it away: what it says is then not recorded"


def _kind(name: str, schema: Any) -> Kind:
    return Kind(name, _WHY, _MEND, limit_mib=64, schema=schema, finite=False)


TRAINER_STATE = _kind("the trainer's state", _TrainerState)
RESULTS = _kind("the results of the training", dict[Text, Any])
TRAINER_LOG = _kind("the training's log", dict[Text, Any])
CONFIGURATION = Kind("the training's configuration", _WHY, _MEND, limit_mib=4, schema=dict[str, Any] | None)

LLAMA_BOARD = "llamaboard_config.yaml"
MOST_SETTINGS = 300
"""Settings of a configuration that are read: no program has so many."""

_OURS = {
    # transformers, TRL, LLaMA-Factory
    "num_train_epochs": "epochs", "learning_rate": "learning_rate", "lr_scheduler_type": "schedule",
    "warmup_ratio": "warmup_ratio", "weight_decay": "weight_decay", "max_grad_norm": "max_grad_norm",
    "gradient_accumulation_steps": "gradient_accumulation_steps", "max_length": "max_length",
    "max_seq_length": "max_length", "eval_steps": "eval_steps", "save_steps": "save_steps",
    "lora_rank": "lora_r", "lora_alpha": "lora_alpha", "lora_dropout": "lora_dropout", "lora_target": "lora_targets",
    "cutoff_len": "max_length", "val_size": "dev_share", "optim": "optimizer",
    # the model card
    "num_epochs": "epochs", "lr_scheduler_warmup_ratio": "warmup_ratio", "lr_scheduler_warmup_steps": "warmup_steps",
    # axolotl
    "lr_scheduler": "schedule", "sequence_len": "max_length", "lora_r": "lora_r", "lora_target_modules": "lora_targets",
    "val_set_size": "dev_share",
}  # fmt: skip
"""Our names of values of a recipe, by those of other programs, where they mean the same."""
_NO_RECIPE = re.compile(
    r"(^|_)(dir|path|paths|token|cache|port|rank_zero|id|key|password|secret|auth|url|user|email)$|^(wandb|mlflow|comet|swanlab|hub|push|report|logging|log|"
    r"output|ddp|overwrite|preprocess\w*|dataloader|dataset_(?!num)|debug|plot|resume|ray|trust|chat_template_jinja|"
    r"base_model|model_name|adapter_name|tokenizer|do_|save_(?!steps)|eval_(?!steps)|per_device_eval|"
    r"include_num|distributed|total_eval|eval_batch|seed$)"
)
"""Values of a configuration that shape no weight: places, accounts, logs; and those that have a place of their own."""


def read_programs(folder: ForeignFolder, recorded: Recorded) -> dict[str, Any]:
    """Returns the curves of a training, by their keys in `finetune.json`, after noting all that its files record.

    Of a trainer's `checkpoint-N` the configurations in the run's folder above it are read too.
    """
    curves = _own(folder, recorded)
    _adapter(folder, recorded)
    _configurations(folder, recorded)
    _card(folder, recorded)
    if (run := folder.above()) is not None:
        _configurations(run, recorded)
        _card(run, recorded)
        folder.take_over(run)
    _adapter_method(folder, recorded)
    curves |= _curves(folder, recorded)
    for name in ("train_results.json", "all_results.json"):
        _results(folder.json(name, RESULTS), name, recorded)
    return curves


def _own(folder: ForeignFolder, recorded: Recorded) -> dict[str, Any]:
    """Returns the curves that Aftertune recorded itself, after noting its other values."""
    name = "finetune.json"
    if not (record := mapping(folder.json(name, FINETUNE))):
        return {}
    for key, value in mapping(record.get("recipe")).items():
        recorded.add(f"recipe.{key}", value, name)
    for key in ("method", "seed", "steps", "epochs", "seconds"):
        recorded.add(key, record.get(key), name)
    recorded.add("tokens.input", mapping(record.get("tokens")).get("input"), name)
    recorded.add("data.name", mapping(record.get("data")).get("name"), name)
    curves = {key: record[key] for key in ("loss_curve", "dev_curve") if record.get(key)}
    for key, curve in curves.items():
        recorded.add(key, len(curve), name)
    return curves


def _configurations(folder: ForeignFolder, recorded: Recorded) -> None:
    """Notes what the YAML files in a folder ask for that are configurations of axolotl's or LLaMA-Factory's."""
    _llama_board(folder, recorded)
    for name in folder.names("*.yaml", "*.yml"):
        values = mapping(folder.yaml(name, CONFIGURATION)) if name != LLAMA_BOARD else {}
        if is_axolotl(values) or is_llama_factory(values):
            _configuration(values, folder, name, recorded)


def is_axolotl(values: Mapping[str, Any]) -> bool:
    """Returns whether a YAML file's values are a configuration of axolotl: keys that every one of its runs needs."""
    return "base_model" in values and ("datasets" in values or "micro_batch_size" in values)


def is_llama_factory(values: Mapping[str, Any]) -> bool:
    """Returns whether a YAML file's values are a configuration of LLaMA-Factory."""
    return "model_name_or_path" in values and "finetuning_type" in values


def _adapter(folder: ForeignFolder, recorded: Recorded) -> None:
    name = "adapter_config.json"
    if not (settings := folder.json(name, ADAPTER)):
        return
    recorded.add("recipe.lora_r", settings.get("r"), name)
    for key in ("lora_alpha", "lora_dropout"):
        recorded.add(f"recipe.{key}", settings.get(key), name)
    recorded.add("recipe.lora_targets", _targets(settings.get("target_modules")), name)
    own = ("use_rslora", "rank_pattern", "alpha_pattern", "modules_to_save", "layers_to_transform", "exclude_modules",
           "init_lora_weights", "trainable_token_indices", "lora_bias")  # fmt: skip
    for key in own:
        value = settings.get(key)
        if value not in (None, False, {}, [], True) or (key in ("use_rslora", "lora_bias") and value is True):
            shown = ", ".join(f"{k}: {v}" for k, v in value.items()) if isinstance(value, dict) else value
            recorded.add(f"recipe.{key}", shown, name)
    if settings.get("bias") not in (None, "none"):
        recorded.add("recipe.bias", settings["bias"], name)
    recorded.add("versions.peft", settings.get("peft_version"), name)


def _adapter_method(folder: ForeignFolder, recorded: Recorded) -> None:
    """Notes which method an adapter's own configuration tells; it does not know whether the base was packed."""
    name = "adapter_config.json"
    if not (settings := folder.json(name, ADAPTER)):
        return
    kind = str(settings.get("peft_type") or "LORA").upper()
    base = str(settings.get("base_model_name_or_path") or "")
    if kind != "LORA":
        recorded.add("recipe.peft_type", kind, name)
    elif settings.get("use_dora"):
        recorded.add("method", "dora", name)
    elif is_four_bit_name(base):
        recorded.add("method", "qlora", name)
    elif "qlora" not in recorded.files_of("method").values():
        recorded.add("method", "lora", name)


def is_four_bit_name(base: str) -> bool:
    """Returns whether a base's name says that its weights are packed in 4 bits, as Unsloth's copies do."""
    return re.search(r"bnb-4bit$", base.rstrip("/").casefold()) is not None


def _targets(value: Any) -> str | None:
    if isinstance(value, list):
        return ",".join(sorted(str(name) for name in value))
    return LORA_LINEAR_LAYERS if value in ("all", "all-linear") else value if isinstance(value, str) else None


def _configuration(
    values: Mapping[str, Any], folder: ForeignFolder, name: str, recorded: Recorded, within: str = ""
) -> None:
    """Notes what a configuration of axolotl's or LLaMA-Factory's asks for; ``within``: its place in the file."""
    file = folder.shown(name) + within
    recorded.add("seed", count_of(values.get("seed")), file)
    recorded.add("method", _method(values), file)
    if values.get("lora_target_linear") is True:
        recorded.add("recipe.lora_targets", LORA_LINEAR_LAYERS, file)
    datasets = values.get("datasets") or values.get("dataset")
    if isinstance(datasets, list):
        paths = [mapping(each).get("path") if isinstance(each, dict) else each for each in datasets]
        recorded.add("data.name", [path for path in paths if isinstance(path, str)], file)
    else:
        recorded.add("data.name", datasets, file)
    elsewhere = ("datasets", "dataset", "adapter", "finetuning_type", "lora_target_linear")
    kept = [key for key in values if key not in elsewhere and _is_setting(key)]
    for key in kept[:MOST_SETTINGS]:
        _setting(key, values[key], file, recorded)
    if len(kept) > MOST_SETTINGS:
        problem = f"{name} holds {len(kept):,} settings, of which the first {MOST_SETTINGS} are read"
        folder.note(name, UserError(problem, CONFIGURATION.why, CONFIGURATION.mend))


def _is_setting(key: str) -> bool:
    return re.fullmatch(r"[A-Za-z]\w{0,60}", key) is not None and not _NO_RECIPE.search(key)


def _setting(key: str, value: Any, file: str, recorded: Recorded) -> None:
    """Notes a value of a recipe under our name for it, or under its own."""
    name = _OURS.get(key, key)
    if name == "lora_targets":
        value = _targets(value.split(",") if isinstance(value, str) and "," in value else value)
    elif name == "optimizer":
        value = re.sub(r"^Use (?:OptimizerNames\.)?(\w+) (?:with|and) .*", r"\1", str(value)).lower()
    elif isinstance(value, str) and (number := number_of(value)) is not None:
        value = number
    if name == "warmup_steps" and isinstance(value, float) and 0 < value < 1:
        name = "warmup_ratio"  # transformers 5 takes a share of the steps there
    recorded.add(f"recipe.{name}", value, file)


def _method(values: Mapping[str, Any]) -> str | None:
    """Returns the method that a configuration names, as Aftertune calls it; None where it names none of ours."""
    given = values.get("finetuning_type", values.get("adapter", "full" if is_axolotl(values) else None))
    if given is None and is_axolotl(values):
        given = "full"  # `adapter:` left empty
    bits = number_of(values.get("quantization_bit"))
    if given == "lora":
        four_bit = bits == 4 or values.get("load_in_4bit") is True
        is_dora = values.get("use_dora") is True or values.get("peft_use_dora") is True
        return "dora" if is_dora else "qlora" if four_bit else "lora"
    return given if given in ("qlora", "full") else None


def _llama_board(folder: ForeignFolder, recorded: Recorded) -> None:
    """Notes what was entered in LLaMA-Factory's web page: keys such as `train.learning_rate`, numbers as texts."""
    entered = mapping(folder.yaml(LLAMA_BOARD, CONFIGURATION))
    values = {key.partition(".")[2]: value for key, value in entered.items() if key.startswith(("top.", "train."))}
    values = {key: value for key, value in values.items() if value not in ("none", "", None, [])}
    if not values:
        return
    renamed = {"batch_size": "per_device_train_batch_size"}
    known = {"learning_rate", "num_train_epochs", "lr_scheduler_type", "gradient_accumulation_steps", "max_grad_norm",
             "cutoff_len", "warmup_steps", "lora_rank", "lora_alpha", "lora_dropout", "lora_target", "batch_size",
             "dataset", "finetuning_type", "quantization_bit", "use_dora", "use_rslora", "val_size", "seed", "template",
             "max_samples", "neftune_alpha"}  # fmt: skip
    # the page holds every field of every method: one that is not LoRA's has no rank
    lora = values.get("finetuning_type") == "lora"
    kept = {key: value for key, value in values.items() if key in known and (lora or not key.startswith("lora_"))}
    kept = {key: value for key, value in kept.items() if not (value == 0 and key in ("val_size", "warmup_steps"))}
    _configuration({renamed.get(key, key): value for key, value in kept.items()}, folder, LLAMA_BOARD, recorded)


def _card(folder: ForeignFolder, recorded: Recorded) -> None:
    """Notes what a model card records: its lists of hyperparameters and versions, and axolotl's whole configuration."""
    name, file = "README.md", folder.shown("README.md")
    if (text := folder.text(name, CARD)) is None:
        return
    found = re.search(r"```ya?ml\n(.*?)\n```", text, re.DOTALL)
    if found and "axolotl" in text[: found.start()]:
        try:
            values = parse_yaml(found[1], name, CONFIGURATION)
        except UserError as error:
            folder.note(name, error)
        else:
            _configuration(mapping(values), folder, name, recorded, " (axolotl config)")
        if axolotl := re.search(r"axolotl version: `([^`\n]{1,40})`", text):
            recorded.add("versions.axolotl", axolotl[1], file)
    listed = dict(_listed(text, "Training hyperparameters"))
    if "train_batch_size" in listed:
        # the card names the rows of a step only where they are more than those of one part
        total = listed.pop("total_train_batch_size", listed["train_batch_size"])
        recorded.add("recipe.batch_size", number_of(total), file)
    recorded.add("seed", count_of(listed.get("seed")), file)
    for key, value in listed.items():
        if _is_setting(key):
            _setting(key, value, file, recorded)
    for program, version in _listed(text, "Framework versions"):
        recorded.add(f"versions.{_PACKAGES.get(program.casefold(), program.casefold())}", version, file)


_PACKAGES = {"pytorch": "torch"}


def _listed(text: str, heading: str) -> list[tuple[str, str]]:
    """Returns the names and values of the list under a heading: `- name: value`, or `- Name 1.2.3`."""
    _, _, below = text.partition(f"### {heading}\n")
    below = re.split(r"^#+ ", below, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^- ([A-Za-z_]\w{0,60})(?::| ) *(\S.{0,300}?) *$", below, re.MULTILINE)


def _results(values: Any, file: str, recorded: Recorded) -> None:
    values = mapping(values)
    recorded.add("epochs", number_of(values.get("epoch")), file)
    recorded.add("seconds", number_of(values.get("train_runtime")), file)
    recorded.add("train_loss", number_of(values.get("train_loss")), file)
    recorded.add("rows", count_of(values.get("train_samples")), file)


def _curves(folder: ForeignFolder, recorded: Recorded) -> dict[str, Any]:
    """Returns the curves that the trainer's state holds, or else LLaMA-Factory's log; of a run's last checkpoint."""
    saved = folder.checkpoints()
    same = next((name for name in saved if _same_adapter(folder, name)), None)
    for place in ("", *saved):
        name = f"{place}/trainer_state.json" if place else "trainer_state.json"
        if state := folder.json(name, TRAINER_STATE):
            curves = _state(state, name, recorded, is_whole=place in ("", same))
            chosen = int(same.removeprefix("checkpoint-")) if same and same != saved[0] else None
            recorded.add("chosen_step", chosen, name)
            return curves
    name = "trainer_log.jsonl"
    rows = folder.rows(name, TRAINER_LOG) or []
    history = [{**row, "step": row.get("current_steps")} for row in rows]
    if steps := [row["step"] for row in history if _is_step(row["step"])]:
        recorded.add("steps", max(steps), name)
    if epochs := [number for row in history if (number := number_of(row.get("epoch"))) is not None]:
        recorded.add("epochs", max(epochs), name)
    return _history(history, name, recorded)


def _same_adapter(folder: ForeignFolder, checkpoint: str) -> bool:
    """Returns whether a checkpoint within a run's folder is the adapter that the run left: byte for byte."""
    own, other = (folder.folder / place / "adapter_model.safetensors" for place in ("", checkpoint))
    if not own.is_file() or not other.is_file() or own.stat().st_size != other.stat().st_size:
        return False
    return sha256_file(own) == sha256_file(other)


def _state(state: Mapping[str, Any], name: str, recorded: Recorded, *, is_whole: bool) -> dict[str, Any]:
    """Returns the curves of a trainer's state; a checkpoint's within may be of an earlier step than the weights."""
    step, last = state.get("global_step"), state.get("max_steps")
    if is_whole or (step is not None and step == last):
        recorded.add("steps", step, name)
        recorded.add("epochs", number_of(state.get("epoch")), name)
        logged = [number_of(entry.get("num_tokens")) for entry in state.get("log_history") or []]  # as TRL counts them
        counts = [
            int(tokens) for tokens in (number_of(state.get("num_input_tokens_seen")), *logged) if tokens and tokens > 0
        ]
        recorded.add("tokens.input", max(counts, default=None), name)
    if not recorded.files_of("recipe.epochs"):  # here it is rounded up, and stands for a number of steps as well
        recorded.add("recipe.num_train_epochs", number_of(state.get("num_train_epochs")), name)
    history = state.get("log_history") or []
    rates = [rate for entry in history if (rate := number_of(entry.get("learning_rate"))) is not None]
    if rates and not recorded.files_of("recipe.learning_rate"):
        recorded.add("recipe.largest_logged_learning_rate", max(rates), name)
    recorded.add("recipe.train_batch_size", number_of(state.get("train_batch_size")), name)
    return _history(history, name, recorded)


def _history(history: list[dict[str, Any]], name: str, recorded: Recorded) -> dict[str, Any]:
    losses, evaluations = list[dict[str, Any]](), list[dict[str, Any]]()
    for entry in history:
        step = entry.get("step")
        if not _is_step(step):
            continue
        if "loss" in entry:
            losses.append({"step": step, "loss": number_of(entry["loss"])})
        if any(key.startswith("eval_") for key in entry):
            values = {
                key.removeprefix("eval_"): number_of(value) for key, value in entry.items() if _EVALUATED.fullmatch(key)
            }
            kept = {key: value for key, value in values.items() if value is not None and not _TIMES.search(key)}
            evaluations.append({"step": step, **kept})
        recorded.add("seconds", number_of(entry.get("train_runtime")), name)
    found = {"loss_curve": losses, "evaluation_curve": evaluations}
    for key, curve in found.items():
        if curve:
            recorded.add(key, len(curve), name)
    return {key: curve for key, curve in found.items() if curve}


_EVALUATED = re.compile(r"eval_[\w./@-]{1,60}")
_TIMES = re.compile(r"(^|_)(runtime|per_second)$")


def _is_step(step: Any) -> bool:
    return type(step) is int and 0 <= step < 2**63
