"""The seed's own study from the Hub: planned, run, pushed; the published adapter scored by stock lm_eval by its id."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "hub_server"))

from fake_hub import FakeHub, running
from hub_data_sets import SQUAD_V2, add_squad, add_sst2, made_up_squad_v2
from hub_house import HubHouse, shipped, sst2_rows
from hub_models import LLAMA, add_llama, move_main

from harness_tasks.files import sha256_file

AGREEMENT = 1e-4
"""Largest difference of a log-likelihood between stock lm_eval and ours, in float32."""


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with running() as found:
        yield found


def short_study(seeds: list[int]) -> dict[str, Any]:
    """Returns the seed's study with one task that needs no data of the Hub's."""
    values = shipped("llama-3.2-1b")
    recipe = values["tasks"]["sst2_llama"]["recipe"]
    values |= {"tasks": {"reviews_demo": {"limit": 16, "train_rows": 32, "recipe": recipe}}, "seeds": seeds}
    del values["claims"]
    return values


def made(house: HubHouse, name: str) -> dict[str, Any]:
    """Returns the facts of a study, whose page was verified."""
    folder = house.folder / "build" / name
    house.call("report", "verify", str(folder / "report.md"))
    facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
    return facts


def scored_twice(house: HubHouse, task: str, adapter: str, checkpoint: str, *words: str) -> tuple[Any, Any]:
    """Returns the sample rows of the published adapter by stock lm_eval, and of the checkpoint by ours; in float32."""
    options = ["--tasks", task, "--batch_size", "4", "--device", "cpu", *words]
    base = f"pretrained={LLAMA},dtype=float32"
    stock = house.scores(
        "--model", "hf", "--model_args", f"{base},peft={adapter}", *options, stock=True, output=f"stock-{task}"
    )
    ours = house.scores(
        "--model",
        "hf-shared",
        "--model_args",
        f"{base},peft={checkpoint}",
        *options,
        stock=False,
        output=f"ours-{task}",
    )
    assert [row["doc_hash"] for row in stock] == [row["doc_hash"] for row in ours]
    assert len(stock) > 0
    return stock, ours


def largest_difference(stock: Any, ours: Any) -> float:
    """Returns how far two log-likelihoods of one choice lie apart at most."""
    pairs = [
        (float(one[0]), float(two[0]))
        for row, other in zip(stock, ours, strict=True)
        for one, two in zip(row["filtered_resps"], other["filtered_resps"], strict=True)
    ]
    return max(abs(one - two) for one, two in pairs)


@pytest.mark.slow
def test_a_gated_model_goes_from_plan_to_push_and_back(hub: FakeHub, tmp_path: Path) -> None:
    commit = add_llama(hub).heads["main"]
    house = HubHouse(tmp_path, hub)
    study = house.write_study("short", short_study([1]))
    assert "1,235,814,400 parameters" in house.call("workflow", "plan", study, "--teraflops", "0.1", "--declared")
    house.call("workflow", "run", study)
    facts = made(house, "short")
    assert facts["model"]["revision"]["value"] == commit
    assert facts["checkpoints"][0]["base_fingerprint"]["value"] == commit
    assert facts["tasks"][0]["comparisons"][0]["refused"] is None
    house.call("report", "push", study)
    adapter = "ada/Llama-3.2-1B-reviews_demo-lora-seed1"
    card = hub.repositories[f"model/{adapter}"].files["README.md"].decode()
    assert f"base_model: {LLAMA}" in card
    folder = "build/short/checkpoints/reviews_demo-lora-seed1"
    assert largest_difference(*scored_twice(house, "reviews_demo", adapter, folder, "--limit", "12")) < AGREEMENT


@pytest.mark.slow
def test_a_seed_that_is_added_after_main_has_moved_begins_with_the_same_weights(hub: FakeHub, tmp_path: Path) -> None:
    llama = add_llama(hub)
    first = llama.heads["main"]
    house = HubHouse(tmp_path, hub)
    house.call("workflow", "run", house.write_study("seeds", short_study([1])))
    second = move_main(hub, llama, seed=1)
    assert second != first
    house.call("workflow", "run", house.write_study("seeds", short_study([1, 2])))
    facts = made(house, "seeds")
    assert facts["model"]["fingerprint"]["value"] == first
    assert [one["base_fingerprint"]["value"] for one in facts["checkpoints"]] == [first, first]
    assert facts["spreads"][0]["seeds"]["value"] == 2
    for name in ("base", "reviews_demo-lora-seed1", "reviews_demo-lora-seed2"):
        results = tmp_path / "build" / "seeds" / "scores" / name / "reviews_demo" / "results.json"
        assert json.loads(results.read_text())["config"]["model_sha"] == first
    # A seed that somebody made from what `main` is now is no checkpoint that was scored; and once it was, it stands on
    # the page and is compared with nothing.
    folder, name = tmp_path / "build" / "seeds", "reviews_demo-lora-seed2"
    record = folder / "checkpoints" / name / "finetune.json"
    content = json.loads(record.read_text())
    content["base"] |= {"revision": second, "fingerprint": second}
    record.write_text(json.dumps(content))
    assert "was measured of a checkpoint with the hash" in house.call("report", "build", "studies/seeds.yaml", code=2)
    measured = [*(folder / "scores" / name).rglob("*.json"), folder / "parameters" / f"{name}.json"]
    for file in measured:
        content = json.loads(file.read_text())
        for key in {"scored", "counted"} & content.keys():
            content[key]["checkpoint"] = sha256_file(record)
        file.write_text(json.dumps(content))
    house.call("report", "build", "studies/seeds.yaml")
    facts = made(house, "seeds")
    refused = [one["refused"] for one in facts["tasks"][0]["comparisons"]]
    assert refused[0] is None
    assert f"was trained from other base weights ({second[:12]})" in refused[1]["missing"]
    assert facts["spreads"] == []


@pytest.mark.slow
def test_the_seeds_own_study_runs_from_plan_to_push_and_back(hub: FakeHub, tmp_path: Path, data_dir: Path) -> None:
    commit = add_llama(hub).heads["main"]
    add_sst2(hub, sst2_rows(data_dir / "sst2" / "train.tsv"), sst2_rows(data_dir / "sst2" / "dev.tsv"))
    rows = made_up_squad_v2(130_319)
    add_squad(hub, SQUAD_V2, rows, rows[:11_873])
    house = HubHouse(tmp_path, hub)
    values = shipped("llama-3.2-1b")
    values["tasks"]["sst2_llama"] |= {"limit": 100, "train_rows": 192}
    values["tasks"]["squad_llama"] |= {"limit": 28, "train_rows": 64}
    study = house.write_study("llama-3.2-1b", values)
    plan = house.call("workflow", "plan", study)
    assert "1,235,814,400 parameters" in plan
    house.call("workflow", "run", study)
    facts = made(house, "llama-3.2-1b")
    assert facts["model"]["revision"]["value"] == commit
    sst2, squad = (task["scored"]["value"] for task in facts["tasks"])
    assert sst2 == 100
    assert 0 < squad <= 28  # whole passages
    assert all(task["comparisons"][0]["refused"] is None for task in facts["tasks"])
    dropped = [
        {row["reason"]["value"]: row["rows"]["value"] for row in checkpoint["data"]["dropped"]}
        for checkpoint in facts["checkpoints"]
    ]
    assert [one["identical"] for one in dropped] == [113, 0]  # of the whole of train.tsv, whatever part is trained on
    house.call("report", "push", study)
    for task, limit in (("sst2_llama", "100"), ("squad_llama", "12")):
        adapter, folder = f"ada/Llama-3.2-1B-{task}-lora-seed1", f"build/llama-3.2-1b/checkpoints/{task}-lora-seed1"
        stock, ours = scored_twice(house, task, adapter, folder, "--limit", limit)
        if task == "sst2_llama":
            difference = largest_difference(stock, ours)
            print(f"{task}: log-likelihoods differ by {difference:.1e} at most, {len(stock)} items")
            assert difference < AGREEMENT
        else:
            assert [row["filtered_resps"] for row in stock] == [row["filtered_resps"] for row in ours]
    kept(tmp_path / "build" / "llama-3.2-1b", hub)


def kept(folder: Path, hub: FakeHub) -> None:
    """Leaves the page and the published cards in `build/hub-test` of the checkout, to be looked at."""
    place = Path(__file__).resolve().parents[2] / "build" / "hub-test"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for name in ("report.html", "report.md", "facts.json"):
        shutil.copy(folder / name, place)
    for name, repository in hub.repositories.items():
        if name.startswith("model/ada/"):
            (place / f"{name.rpartition('/')[2]}.md").write_bytes(repository.files["README.md"])
