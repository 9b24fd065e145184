"""Pushes that meet a Hub or a network in trouble: tried again where that helps, told where not, and never twice."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_hub import TOKEN, FakeHub, Fault

from tests.report.hub.conftest import Push
from tests.report.synthetic import folder_of

FIRST, SECOND = "ada/small-reviews-lora-seed1", "ada/small-passages-lora-seed1"
STEPS = {
    "whose token": "GET /api/whoami-v2",
    "checking the card": "POST /api/validate-yaml",
    "creating": "POST /api/repos/create",
    "looking": f"GET /api/models/{FIRST}$",
    "listing": f"GET /api/models/{FIRST}/tree/",
    "preupload": f"POST /api/models/{FIRST}/preupload/",
    "large files asked": f"POST /{FIRST}.git/info/lfs/objects/batch",
    "large files sent": "PUT /lfs/",
    "commit": f"POST /api/models/{FIRST}/commit/",
}


def assert_pushed_once(hub: FakeHub) -> None:
    for name in (FIRST, SECOND):
        found = hub.repositories[f"model/{name}"]
        assert len(found.commits) == 1
        assert {"README.md", "adapter_model.safetensors", "adapter_config.json"} <= set(found.files)


@pytest.mark.parametrize(
    ("step", "what"),
    [(step, what) for step in STEPS for what in (500, "half")]
    + [(step, what) for step in ("creating", "commit") for what in (429, 503, "deaf")],
)
def test_a_passing_fault_at_any_step_is_outlived_and_one_commit_made(
    hub: FakeHub, push: Push, step: str, what: int | str
) -> None:
    hub.faults.append(Fault(STEPS[step], what))
    result = push()
    assert result.exit_code == 0, result.output
    assert hub.faults[0].times == 0
    assert_pushed_once(hub)


def test_two_writers_at_once_are_outlived_too(hub: FakeHub, push: Push) -> None:
    hub.faults.append(Fault(STEPS["commit"], 409))
    assert push().exit_code == 0
    assert_pushed_once(hub)


def test_the_hubs_pause_is_kept(hub: FakeHub, push: Push, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    hub.faults.append(Fault(STEPS["commit"], 429, headers={"Retry-After": "17"}))
    assert push().exit_code == 0
    assert waited == [17.0]
    assert_pushed_once(hub)


def test_a_pause_of_an_hour_is_not_waited_for(hub: FakeHub, push: Push) -> None:
    hub.faults.append(Fault(STEPS["commit"], 429, headers={"Retry-After": "3600"}))
    result = push()
    assert result.exit_code == 1
    assert f"pushing to the model {FIRST}: the Hub accepts no more requests for now (429)" in result.stderr
    assert "asks for a pause of 3600 s" in result.stderr
    assert push().exit_code == 0
    assert_pushed_once(hub)


@pytest.mark.parametrize(
    ("status", "code", "found", "mend"),
    [
        (401, 2, "(401)", "run `hf auth login`, or set HF_TOKEN"),
        (403, 2, "the token may not do that (403): ", "give the token write access"),
        (409, 1, "somebody else writes there at the same time (409)", "give the same command again"),
        (429, 1, "the Hub accepts no more requests for now (429)", "give the same command again"),
        (500, 1, "the Hub has trouble of its own (500)", "give the same command again"),
        ("half", 1, "the connection broke (", "give the same command again"),
    ],
)
@pytest.mark.parametrize("step", ["large files sent", "commit"])
def test_a_lasting_fault_is_told_in_three_parts_and_mended_by_the_same_command(
    hub: FakeHub, push: Push, study: Path, step: str, status: int | str, code: int, found: str, mend: str
) -> None:
    hub.faults.append(Fault(STEPS[step], status, times=1000))
    result = push()
    assert result.exit_code == code, result.output
    text = result.stderr
    assert re.search(rf"^Found: pushing to the model {FIRST}: ", text, re.MULTILINE), text
    assert found in text
    assert f"To mend it: {mend}" in text
    assert TOKEN not in result.output
    assert "Traceback" not in result.output
    assert not (folder_of(study) / "hub.json").exists()
    hub.faults.clear()
    again = push()
    assert again.exit_code == 0, again.output
    assert_pushed_once(hub)


def test_a_token_that_the_hub_does_not_know(hub: FakeHub, push: Push, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_somebodyelsestoken123")
    result = push()
    assert result.exit_code == 2
    assert "Found: asking whose token it is: the Hub does not know the token" in result.stderr
    assert "hf_somebodyelsestoken123" not in result.output


def test_what_arrived_before_the_connection_broke_is_not_sent_again(hub: FakeHub, push: Push, study: Path) -> None:
    # The first repository is done; of the second, the large file arrives and the commit never does.
    hub.faults.append(Fault(f"POST /api/models/{SECOND}/commit/", "half", times=1000))
    assert push().exit_code == 1
    assert list(json.loads((folder_of(study) / "hub.json").read_text(encoding="utf-8"))) == ["reviews-lora-seed1"]
    sent = hub.count("^PUT ")
    hub.faults.clear()
    assert push().exit_code == 0
    assert hub.count("^PUT ") == sent == 2
    assert_pushed_once(hub)


def test_a_push_that_was_killed_goes_on(hub: FakeHub, study: Path, tmp_path: Path) -> None:
    # The second large file hangs in retries, and the process is killed there, as by a reboot.
    hub.faults.append(Fault("PUT /lfs/", 500, times=1000, after=1))
    environment = {**os.environ, "HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0"}
    environment |= {"HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "hf")}
    command = [sys.executable, "-m", "report", "push", str(study), "--output", str(folder_of(study))]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        end = time.monotonic() + 60
        while hub.count("^PUT ") < 2 and time.monotonic() < end:
            os.sched_yield()
        running.send_signal(signal.SIGKILL)
    assert len(hub.repositories[f"model/{FIRST}"].commits) == 1
    assert hub.repositories[f"model/{SECOND}"].commits == []
    hub.faults.clear()
    hub.requests.clear()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert hub.count("^PUT ") == 1
    assert_pushed_once(hub)


@pytest.mark.parametrize("what", ["deaf", 500])
def test_a_lost_answer_opens_no_second_pull_request(hub: FakeHub, push: Push, what: int | str) -> None:
    for name in (FIRST, SECOND):
        hub.add("model", name)
    hub.faults.append(Fault(STEPS["commit"], what))
    assert push("--create-pr").exit_code == 0
    found = hub.repositories[f"model/{FIRST}"]
    assert len(found.proposals) == 1
    assert [branch for branch, _ in found.commits] == ["refs/pr/1"]


def test_bytes_that_arrived_wrong_are_noticed(hub: FakeHub, push: Push, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = hub.keep
    monkeypatch.setattr(hub, "keep", lambda r, b, files: keep(r, b, {k: v + b"!" for k, v in files.items()}))
    result = push()
    assert result.exit_code == 1
    assert "holds other bytes of " in result.stderr
