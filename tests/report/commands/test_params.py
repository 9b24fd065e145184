"""`aftertune params` from its command line: figures, files, adapters, and the text of every refusal."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, LlamaConfig
from typer.testing import CliRunner

from harness_tasks.errors import UserError
from harness_tasks.models.weights import tensors_of
from report.commands.params import params

ROOT = Path(__file__).resolve().parents[3]
LLAMA_1B = "tests/data/llama-3.2-1b/config.json"

app = typer.Typer()
app.command()(params)


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def counted(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(*arguments: str, code: int = 2) -> str:
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["Found", "Why it matters", "To mend it"]
    return result.stderr


def toy(**values: Any) -> LlamaConfig:
    small = {
        "vocab_size": 40, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "tie_word_embeddings": True,
    }  # fmt: skip
    return LlamaConfig(**(small | values))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "base"
    AutoModelForCausalLM.from_config(toy()).save_pretrained(folder)
    return folder


def save_adapter(base: Path, folder: Path, **settings: Any) -> Path:
    kind = AutoModelForSequenceClassification if settings.get("task_type") == "SEQ_CLS" else AutoModelForCausalLM
    more = {"num_labels": settings.pop("labels")} if "labels" in settings else {}
    model = kind.from_pretrained(base, **more)
    get_peft_model(model, LoraConfig(**settings)).save_pretrained(folder)
    return folder


def rewrite(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"total": 1_235_814_400, "trainable": 1_235_814_400, "added": 0, "tied": 262_668_288}),
        (["--head", "sequence-classification", "--labels", "2"], {"total": 1_235_818_496, "added": 4_096}),
        (["--head", "question-answering"], {"total": 1_235_818_498, "added": 4_098}),
        (["--lora-r", "8", "--lora-targets", "q_proj,v_proj"], {"trainable": 851_968, "total": 1_236_666_368}),
        (["--lora-r", "16"], {"trainable": 11_272_192, "added": 11_272_192}),
        (["--lora-r", "8", "--lora-targets", "q_proj, v_proj", "--lora-layers", "0,15"], {"trainable": 106_496}),
    ],
)
def test_figures_of_the_shipped_configuration(options: list[str], expected: dict[str, int]) -> None:
    found = counted(LLAMA_1B, *options)
    assert {key: found[key] for key in expected} == expected
    assert found["model"] == LLAMA_1B
    assert all(line["closed_form"] == line["counted"] for line in found["components"])


def test_table() -> None:
    result = run(LLAMA_1B, "--lora-r", "16")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"{LLAMA_1B}: LlamaForCausalLM, head causal"
    assert lines[2].split() == ["component", "counted", "closed", "form", "trainable", "formula"]
    assert lines[3].split() == ["embeddings", "262,668,288", "262,668,288", "0", "128256", "×", "2048"]
    adapter = next(line for line in lines if line.startswith("adapter"))
    assert adapter.split()[1:4] == ["11,272,192"] * 3
    total, trainable, added, tied = lines[-4:]
    assert total.split()[:2] == ["total", "1,247,086,592"]
    assert trainable.split()[:3] == ["trainable", "11,272,192", "0.9039"]
    assert added.split()[:2] == ["added", "11,272,192"]
    assert tied.split()[:2] == ["tied", "262,668,288"]
    assert "none" not in result.stdout.lower()


def test_output_is_the_same_json_and_written_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "parameters.json"
    result = run(LLAMA_1B, "--json", "--output", str(target))
    assert json.loads(target.read_text()) == json.loads(result.stdout)
    assert os.listdir(target.parent) == ["parameters.json"]
    refused("no/such/model", "--output", str(tmp_path / "other.json"))
    assert not (tmp_path / "other.json").exists()


def test_folder_is_shown_without_its_home(base: Path) -> None:
    found = counted(str(base))
    assert found["model"] == "base"
    assert str(base.parent) not in json.dumps(found)
    assert counted(os.path.relpath(base))["model"] == os.path.relpath(base)


def test_head_and_labels_follow_the_configuration(tmp_path: Path) -> None:
    AutoModelForSequenceClassification.from_config(toy(num_labels=5)).save_pretrained(tmp_path / "five")
    found = counted(str(tmp_path / "five"))
    assert (found["head"], found["added"]) == ("sequence-classification", 5 * 8)
    assert counted(str(tmp_path / "five"), "--labels", "3")["added"] == 3 * 8
    assert counted(str(tmp_path / "five"), "--head", "causal")["added"] == 0


def test_older_way_to_write_the_same_configuration(tmp_path: Path) -> None:
    values = json.loads((ROOT / LLAMA_1B).read_text())
    rope = values.pop("rope_parameters")
    values |= {"rope_theta": rope.pop("rope_theta"), "rope_scaling": rope, "torch_dtype": values.pop("dtype")}
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert counted(str(tmp_path))["total"] == 1_235_814_400


# --- adapters ---


def test_adapter_folder(base: Path, tmp_path: Path) -> None:
    folder = save_adapter(base, tmp_path / "tuned", r=3, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    found = counted(str(folder))
    # two layers of q_proj 8 -> 8 and v_proj 8 -> 4: 2 × 3 × (16 + 12)
    assert (found["trainable"], found["added"], found["model"]) == (168, 168, "tuned")
    assert found["total"] == counted(str(base))["total"] + 168


def test_adapter_with_a_head_takes_its_labels_from_the_file(base: Path, tmp_path: Path) -> None:
    folder = save_adapter(base, tmp_path / "head", r=2, target_modules=["q_proj"], task_type="SEQ_CLS", labels=7)
    found = counted(str(folder))
    assert (found["head"], found["added"], found["trainable"]) == ("sequence-classification", 64 + 56, 64 + 56)
    assert "--labels 3, but the head that head saved has 7" in refused(str(folder), "--labels", "3")


@pytest.mark.parametrize(
    "settings", [{"use_dora": True}, {"layers_to_transform": [1]}, {"rank_pattern": {"q_proj": 5}}]
)
def test_other_lora_settings_agree_with_the_file(base: Path, tmp_path: Path, settings: dict[str, Any]) -> None:
    folder = save_adapter(
        base, tmp_path / "a", r=2, target_modules=["q_proj", "o_proj"], task_type="CAUSAL_LM", **settings
    )
    shapes = {name: one.shape for name, one in tensors_of(folder / "adapter_model.safetensors").items()}
    assert counted(str(folder))["added"] == sum(rows * (columns or [1])[0] for rows, *columns in shapes.values())


def test_base_path_relative_to_here_or_to_the_adapter_or_given(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_adapter(base, tmp_path / "build" / "tuned", r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")
    AutoModelForCausalLM.from_config(toy()).save_pretrained(tmp_path / "build" / "base")
    monkeypatch.chdir(tmp_path)
    for named in ("build/base", "../base"):
        rewrite(folder / "adapter_config.json", base_model_name_or_path=named)
        assert counted("build/tuned")["added"] == 64
    rewrite(folder / "adapter_config.json", base_model_name_or_path="/home/someone/gone/model")
    text = refused("build/tuned")
    assert "the adapter's base model model is not here" in text
    assert "/home" not in text
    assert "--base" in text
    assert counted("build/tuned", "--base", str(base))["added"] == 64
    rewrite(folder / "adapter_config.json", base_model_name_or_path=None)
    assert "names no base model" in refused("build/tuned")
    rewrite(folder / "adapter_config.json", base_model_name_or_path="some-owner/some-model")
    assert "not in the Hub's cache on this machine, and HF_HUB_OFFLINE is set" in refused("build/tuned")


def test_adapter_that_disagrees_with_its_configuration_exits_1(base: Path, tmp_path: Path) -> None:
    folder = save_adapter(base, tmp_path / "tuned", r=3, target_modules=["q_proj"], task_type="CAUSAL_LM")
    rewrite(folder / "adapter_config.json", r=4)
    text = refused(str(folder), code=1)
    assert "96 LoRA parameters in adapter_model.safetensors, 128 by its configuration" in text
    rewrite(folder / "adapter_config.json", r=3, target_modules=["nothing"])
    assert "does not fit its base model" in refused(str(folder))


def test_adapter_file_that_is_cut_or_missing(base: Path, tmp_path: Path) -> None:
    folder = save_adapter(base, tmp_path / "tuned", r=3, target_modules=["q_proj"], task_type="CAUSAL_LM")
    weights = folder / "adapter_model.safetensors"
    whole = weights.read_bytes()
    for cut in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        weights.write_bytes(whole[:cut])
        assert "adapter_model.safetensors of tuned is not a complete safetensors file" in refused(str(folder))
    weights.unlink()
    assert "but no adapter_model.safetensors" in refused(str(folder))


def test_shapes_are_read_from_the_header(tmp_path: Path) -> None:
    header = json.dumps({
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "b": {"dtype": "F32", "shape": [], "data_offsets": [24, 28]},
    }).encode()  # fmt: skip
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(28))
    assert {name: one.shape for name, one in tensors_of(tmp_path / "x.safetensors").items()} == {"a": (2, 3), "b": ()}
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", 1 << 62) + header)
    with pytest.raises(UserError, match="its header would have 4,611,686,018,427,387,904 bytes, and the file has 1"):
        tensors_of(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--head", "causal"], "--head or a --lora option"),
        (["--lora-r", "8"], "the adapter's own configuration says"),
    ],
)
def test_an_adapter_has_its_own_head_and_rank(base: Path, tmp_path: Path, options: list[str], says: str) -> None:
    folder = save_adapter(base, tmp_path / "tuned", r=3, target_modules=["q_proj"], task_type="CAUSAL_LM")
    assert says in refused(str(folder), *options)


# --- refusals ---


@pytest.mark.parametrize(
    ("arguments", "found", "mend"),
    [
        (["no/such/folder"], "there is no file or folder no/such/folder", "a Hub id such as"),
        (["./base"], "there is no file or folder ./base", "name a folder"),
        (["/home/someone/base"], "there is no file or folder base\n", "name a folder"),
        (["missing.json"], "there is no file or folder missing.json", "a config.json"),
        (["tests"], "tests is a folder without config.json", "that save_pretrained wrote"),
        (["bad name/with spaces"], "no name that the Hub allows", "a Hub id such as"),
        ([LLAMA_1B, "--labels", "0"], "--labels 0", "--labels 2"),
        (
            [LLAMA_1B, "--head", "sequence-classifier"],
            "--head sequence-classifier",
            "write --head sequence-classification",
        ),
        ([LLAMA_1B, "--lora-r", "8", "--lora-targets", "qproj"], "no module called qproj", "write q_proj"),
        ([LLAMA_1B, "--lora-targets", "q_proj"], "but no LoRA rank", "add --lora-r"),
        ([LLAMA_1B, "--lora-r", "0"], "LoRA rank 0", "--lora-r 8"),
        ([LLAMA_1B, "--lora-r", "8", "--lora-layers", "16"], "LoRA on layer 16", "name layers among them"),
        ([LLAMA_1B, "--lora-r", "8", "--lora-layers", "0,x"], "--lora-layers 0,x", "--lora-layers 0,1,2"),
        ([LLAMA_1B, "--base", "x"], "which holds no adapter", "leave --base out"),
    ],
)
def test_wrong_input(arguments: list[str], found: str, mend: str) -> None:
    text = refused(*arguments)
    assert found in text.partition("Why it matters")[0]
    assert mend in text.partition("To mend it")[2]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"model_type": "llama", ', "is not complete JSON ("),
        ("", "is not complete JSON ("),
        ("[1]", "has at what it holds [1]: input should be a valid dictionary"),
        ('{"model_type": 7}', "has at `model_type` 7: "),
        ('{"model_type": "llama", "num_hidden_layers": 20001}', "has at what it holds"),
        ('{"model_type": "llama", "num_hidden_layers": -1}', "has at what it holds"),
        ('{"hidden_size": 8}', "has no model_type"),
        ('{"model_type": "lama"}', "has the model_type lama"),
        ('{"model_type": "house", "auto_map": {"AutoConfig": "code.House"}}', "has the model_type house"),
        ('{"model_type": "llama", "hidden_size": 10, "num_attention_heads": 3}', "makes no llama model"),
        ('{"model_type": "llama", "hidden_size": "wide"}', "makes no llama model"),
    ],
)
def test_configurations_that_are_none(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "config.json").write_text(text)
    said = refused(str(tmp_path / "config.json"))
    assert f"onfiguration of {tmp_path.name} {found}" in said or f"configuration {tmp_path.name} {found}" in said
    assert ("trust_remote_code" in said) == ("auto_map" in text)
    assert ("if llama is meant" in said) == ("lama" in text and "llama" not in text)
    assert str(tmp_path.parent) not in said


def test_configuration_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b"\xff\xfe\x00")
    assert "is no UTF-8 text (byte 0)" in refused(str(tmp_path))


@pytest.mark.parametrize(
    ("offline", "reason"),
    [
        ("1", "HF_HUB_OFFLINE is set"),
        ("0", "there is no connection to http://127.0.0.1:9 (Connection refused)"),
    ],
)
def test_hub_out_of_reach_is_said_at_once(offline: str, reason: str, tmp_path: Path) -> None:
    # nothing listens on port 9 of this machine, so the second case is a network without the Hub
    environment = os.environ | {
        "HF_HUB_OFFLINE": offline, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "no_proxy": "*",
    }  # fmt: skip
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        environment.pop(proxy, None)
    code = (
        "import sys, typer; from report.commands.params import params\n"
        "app = typer.Typer(); app.command()(params)\n"
        "try: app(['meta-llama/Llama-3.2-1B'])\n"
        "finally: print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stdout == "[]\n"  # said before torch is imported
    found, why, mend = done.stderr.splitlines()
    assert found == (
        "Found: there is no folder meta-llama/Llama-3.2-1B here, and the model meta-llama/Llama-3.2-1B is not in the "
        f"Hub's cache on this machine, and {reason}"
    )
    assert why == (
        "Why it matters: another revision in the cache would be something else, and is not taken in its place"
    )
    assert "tests/data/llama-3.2-1b/config.json" in mend
    assert "hf download" in mend
