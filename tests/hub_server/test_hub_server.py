"""The tests' Hub against the real clients, each in a process of its own with an empty cache."""

import json
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_hub import STRANGERS_TOKEN, TOKEN, FakeHub, Fault, running
from hub_clients import environment, python
from hub_data_sets import GLUE, SQUAD_V2, SST2, add_glue, add_squad, add_sst2, made_up_squad_v2
from hub_models import LLAMA, add_llama, llama_files

PHRASES = [{"sentence": "a gorgeous , witty film ", "label": 1}, {"sentence": "dull ", "label": 0}]


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    """A running Hub without a repository."""
    with running() as found:
        yield found


LOAD = "import datasets; rows = datasets.load_dataset({0!r}, {1!r}, revision={2!r}, split={3!r}); "


@pytest.mark.parametrize("xet", [False, True])
def test_a_data_set_comes_as_parquet_with_the_hubs_columns(hub: FakeHub, tmp_path: Path, xet: bool) -> None:
    hub.xet = xet
    add_sst2(hub, PHRASES, PHRASES[:1])
    add_glue(hub, PHRASES, PHRASES[:1])
    code = LOAD.format(SST2[0], None, SST2[1], "train") + "print(rows.features['label'].names, rows[:]); "
    code += LOAD.format(GLUE[0], "sst2", GLUE[1], "validation") + "print(rows.column_names, rows[0])"
    done = python(code, env=environment(tmp_path, hub))
    first, second = done.stdout.splitlines()
    assert first == (
        "['negative', 'positive'] {'idx': [0, 1], 'sentence': ['a gorgeous , witty film ', 'dull '], 'label': [1, 0]}"
    )
    assert second == "['sentence', 'label', 'idx'] {'sentence': 'a gorgeous , witty film ', 'label': 1, 'idx': 0}"
    assert bool(hub.count("/xet/")) == xet


def test_squad_v2_comes_whole(hub: FakeHub, tmp_path: Path) -> None:
    rows = made_up_squad_v2(130_319)
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({row["title"] for row in rows}) == 442
    for row in rows[:: 1 + len(rows) // 500]:
        for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True):
            assert row["context"][start : start + len(text)] == text
    add_squad(hub, SQUAD_V2, rows, rows[:11_873])
    code = LOAD.format(SQUAD_V2[0], None, SQUAD_V2[1], "train") + (
        "import json; answers = rows['answers']; "
        "print(json.dumps([len(rows), sum(not one['text'] for one in answers), rows[7]]))"
    )
    done = python(code, env=environment(tmp_path, hub))
    count, unanswerable, row = json.loads(done.stdout)
    assert count == 130_319
    assert 0.3 < unanswerable / count < 0.36  # 43,498 of the true rows, 33.4 %
    assert row == rows[7]


def test_a_gated_model_comes_with_its_shards_and_its_commit(hub: FakeHub, tmp_path: Path) -> None:
    commit = add_llama(hub).heads["main"]
    assert sum(name.endswith(".safetensors") for name in llama_files()) == 2
    code = (
        "from transformers import AutoModelForCausalLM, AutoTokenizer; "
        f"model = AutoModelForCausalLM.from_pretrained({LLAMA!r}); "
        f"tokenizer = AutoTokenizer.from_pretrained({LLAMA!r}); "
        "print(model.num_parameters(), tokenizer('Hello world').input_ids)"
    )
    done = python(code, env=environment(tmp_path, hub, TOKEN))
    # 128,256 rows of the tied matrix, two layers of 4 + 3 matrices and 2 norms, a last norm; all 64 wide
    layer = 64 * 64 * 2 + 64 * 16 * 2 + 64 * 256 * 3 + 64 * 2
    assert done.stdout.split(maxsplit=1) == [str(128_256 * 64 + 2 * layer + 64), "[128000, 9906, 1917]\n"], done.stderr
    snapshots = list((tmp_path / "hub" / "models--meta-llama--Llama-3.2-1B" / "snapshots").iterdir())
    assert [folder.name for folder in snapshots] == [commit]


def test_a_file_goes_up_in_pieces_and_comes_down_again(hub: FakeHub, tmp_path: Path) -> None:
    hub.xet = True
    # What cannot be packed, what LZ4 packs, and float32 numbers, which it packs when their bytes are sorted.
    numbers = b"".join(struct.pack("<f", 1 + place / 1e6) for place in range(60_000))
    weights = random.Random(1).randbytes(200_000) + b"abcd" * 90_000 + numbers
    (tmp_path / "weights").write_bytes(weights)
    code = (
        "import huggingface_hub as hub; api = hub.HfApi(); api.create_repo('ada/mine'); "
        f"api.upload_file(path_or_fileobj={str(tmp_path / 'weights')!r}, path_in_repo='model.safetensors', "
        "repo_id='ada/mine'); print(hub.hf_hub_download('ada/mine', 'model.safetensors'))"
    )
    done = python(code, env=environment(tmp_path / "home", hub, TOKEN))
    assert hub.repositories["model/ada/mine"].files["model.safetensors"] == weights
    assert Path(done.stdout.strip()).read_bytes() == weights, done.stderr
    assert hub.count("POST /xet/v1/xorbs") > 0
    assert hub.count("PUT /lfs/") == 0


@pytest.mark.parametrize(
    ("token", "error"),
    [(None, "GatedRepoError 401"), (STRANGERS_TOKEN, "GatedRepoError 403"), ("hf_wrong", "HfHubHTTPError 401")],
)
def test_a_gated_model_is_refused_to_others(hub: FakeHub, tmp_path: Path, token: str | None, error: str) -> None:
    hub.add("model", LLAMA, files={"config.json": b"{}"}, allowed={"ada"})
    done = python(_downloading(LLAMA, "config.json"), env=environment(tmp_path, hub, token))
    assert done.stdout.strip() == error


def test_what_is_not_there_is_told_apart(hub: FakeHub, tmp_path: Path) -> None:
    hub.add("model", "ada/mine", files={"config.json": b"{}"})
    for repository, name, revision, error in [
        ("ada/mine", "config.json", "f" * 40, "RevisionNotFoundError 404"),
        ("ada/mine", "other.json", "main", "RemoteEntryNotFoundError 404"),
        ("ada/other", "config.json", "main", "RepositoryNotFoundError 401"),
    ]:
        code = _downloading(repository, name, revision)
        assert python(code, env=environment(tmp_path, hub)).stdout.strip() == error


def test_a_download_that_broke_off_goes_on_where_it_was(hub: FakeHub, tmp_path: Path) -> None:
    weights = bytes(range(256)) * 100_000
    hub.add("model", "ada/mine", files={"model.safetensors": weights})
    hub.faults.append(Fault("GET /storage/", "half"))
    done = python(_downloading("ada/mine", "model.safetensors"), env=environment(tmp_path, hub))
    assert Path(done.stdout.strip()).read_bytes() == weights, done.stderr
    assert hub.count("GET /storage/") == 2


@pytest.mark.parametrize(("status", "tries"), [(429, 2), (500, 1), (503, 1)])
def test_a_fault_on_a_files_bytes_is_told(hub: FakeHub, tmp_path: Path, status: int, tries: int) -> None:
    """huggingface_hub waits out a rate limit, and tries a server's error on a file's bytes no second time."""
    hub.add("model", "ada/mine", files={"model.safetensors": b"weights"})
    hub.faults.append(Fault("GET /storage/", status, headers={"Retry-After": "1"}))
    done = python(_downloading("ada/mine", "model.safetensors"), env=environment(tmp_path, hub))
    assert hub.count("GET /storage/") == tries
    if status == 429:
        assert Path(done.stdout.strip()).read_bytes() == b"weights"
    else:
        assert done.stdout.strip() == f"HfHubHTTPError {status}"


def test_one_bit_of_a_file_can_be_wrong(hub: FakeHub, tmp_path: Path) -> None:
    """Its size is right and the client does not look further, which is why this project does."""
    weights = bytes(1000)
    hub.add("model", "ada/mine", files={"model.safetensors": weights})
    hub.faults.append(Fault("GET /storage/", "flipped"))
    done = python(_downloading("ada/mine", "model.safetensors"), env=environment(tmp_path, hub))
    assert Path(done.stdout.strip()).read_bytes() == bytes(500) + b"\1" + bytes(499)


def _downloading(repository: str, name: str, revision: str = "main") -> str:
    return (
        "import huggingface_hub\n"
        "try:\n"
        f"    print(huggingface_hub.hf_hub_download({repository!r}, {name!r}, revision={revision!r}))\n"
        "except Exception as error:\n"
        "    error = error.__cause__ if type(error).__name__ == 'LocalEntryNotFoundError' else error\n"
        "    print(type(error).__name__, error.response.status_code)\n"
    )
