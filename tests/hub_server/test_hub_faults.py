"""Downloads that meet a Hub, a network or an account in trouble: tried again where that helps, told where not."""

import hashlib
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import numpy as np
import pytest
from fake_hub import STRANGERS_TOKEN, TOKEN, FakeHub, Fault, running
from hub_clients import environment, run
from hub_data_sets import SST2, add_data_set, add_sst2, sst2_table
from safetensors.numpy import save

from harness_tasks import UserError
from harness_tasks.hub.download import Fetched, fetch, fetch_model
from harness_tasks.hub.faults import HubError

MODEL = "ada/mine"
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "model.safetensors": save({"norm": np.arange(6400, dtype="float32")}),
}
PHRASES = [{"sentence": "a gorgeous , witty film ", "label": 1}, {"sentence": "dull ", "label": 0}]
STEPS = (
    "GET /api/models/ada/mine/revision/main",
    "GET /api/models/ada/mine/tree",
    "HEAD /ada/mine/resolve",
    "/storage/",
)
TROUBLE = (*STEPS[:3], "GET /storage/")


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, slept: list[float]) -> Iterator[FakeHub]:
    """A running Hub with one model that is open to all, an empty cache, no token; nobody waits between two tries."""
    from huggingface_hub import close_session, constants

    close_session()  # it has the proxies of its first use
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with running() as found:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, found.address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", found.address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setenv("HF_DATASETS_OFFLINE", "0")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setattr("time.sleep", slept.append)
        monkeypatch.setattr("logging.raiseExceptions", False)
        found.add("model", MODEL, files=FILES)
        yield found
        close_session()


def refused(place: str = MODEL, revision: str | None = None) -> UserError:
    with pytest.raises(UserError) as caught:
        fetch_model(place, revision)
    for secret in (TOKEN, STRANGERS_TOKEN, "password@"):
        assert secret not in str(caught.value)
    return caught.value


def got(revision: str | None = None) -> Fetched:
    found = fetch_model(MODEL, revision)
    assert found is not None
    return found


def test_a_fetched_model_has_its_commit_and_what_the_hub_states(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    found = got()
    assert found.commit == hub.repositories[f"model/{MODEL}"].heads["main"]
    config = FILES["config.json"]
    assert found.stated == {
        "config.json": hashlib.sha1(b"blob %d\0" % len(config) + config).hexdigest(),
        "model.safetensors": hashlib.sha256(FILES["model.safetensors"]).hexdigest(),
    }
    requests = len(hub.requests)
    assert got(found.commit) == found
    assert len(hub.requests) == requests  # a commit in the cache is not asked for again
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert got() == found


@pytest.mark.parametrize("step", TROUBLE)
@pytest.mark.parametrize("what", [408, 429, 500, 502, 503, 504, "half", "deaf"])
def test_a_passing_fault_is_outlived(hub: FakeHub, step: str, what: int | str) -> None:
    hub.faults.append(Fault(step, what))
    assert set(got().stated) == set(FILES)
    assert hub.faults[0].times == 0


@pytest.mark.parametrize("step", TROUBLE)
def test_the_hubs_pause_is_kept(hub: FakeHub, slept: list[float], step: str) -> None:
    # The client asks for a file's headers again at once; its second try is what waits. Two files are asked for beside
    # each other, so it is up to chance how many of the faults each meets.
    hub.faults.append(Fault(step, 429, times=4 if "HEAD" in step else 1, headers={"Retry-After": "17"}))
    got()
    pauses = [pause for pause in slept if pause >= 1]
    assert pauses
    assert set(pauses) <= {17.0, 18.0}  # the client adds a second of its own


def test_a_pause_until_a_date_is_kept(hub: FakeHub, slept: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=40))
    hub.faults.append(Fault("GET /api/models/ada/mine/revision", 429, headers={"Retry-After": until}))
    got()
    assert 30 < slept[0] <= 40
    assert "the model ada/mine: the Hub asks for a pause of " in capsys.readouterr().err


def test_a_pause_of_an_hour_is_said_and_not_waited_for(hub: FakeHub, slept: list[float]) -> None:
    hub.faults.append(Fault("GET /api/models/ada/mine/revision", 429, times=99, headers={"Retry-After": "3600"}))
    error = refused()
    assert isinstance(error, HubError)
    assert error.found == (
        "the model ada/mine: the Hub accepts no more requests for now (429), and asks for a pause of 3600 s"
    )
    assert error.mend.startswith("wait so long, then give the same command again")
    assert slept == []


@pytest.mark.parametrize("step", TROUBLE)
def test_trouble_that_stays_is_the_hubs_own(hub: FakeHub, step: str) -> None:
    hub.faults.append(Fault(step, 503, times=999))
    error = refused()
    assert isinstance(error, HubError)
    assert error.found.startswith("the model ada/mine: the Hub has trouble of its own (503): fault 503")
    assert error.why == "nothing is lost"
    assert error.mend == "give the same command again: what has arrived is not transferred twice"


def test_trouble_is_no_matter_where_the_cache_has_it_all(hub: FakeHub) -> None:
    found = got()
    hub.faults.append(Fault(".", 503, times=999))
    assert got() == found


def test_a_token_that_nobody_has(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    error = refused()
    assert error.found == "the model ada/mine: the Hub does not know the token (401)"
    assert error.why == "with a wrong token it does not give even what everybody may have"
    assert "run `hf auth login` again, set HF_TOKEN to a token that is valid, unset it" in error.mend


def test_a_gated_model(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("model", "meta/gated", files=FILES, allowed={"ada"})
    error = refused("meta/gated")
    assert error.found == "the model meta/gated is gated, and this machine has no token of the Hub (401)"
    assert error.mend.startswith(f"accept them on {hub.address}/meta/gated, run `hf auth login` or set HF_TOKEN, or ")
    monkeypatch.setenv("HF_TOKEN", STRANGERS_TOKEN)
    error = refused("meta/gated")
    assert error.found == "the model meta/gated is gated, and the account of the token has no access to it (403)"
    assert error.mend.startswith(f"ask for access on {hub.address}/meta/gated with that account")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert fetch_model("meta/gated", None) is not None


def test_what_is_not_there(hub: FakeHub) -> None:
    error = refused(MODEL, "f" * 40)
    assert error.found == "the model ada/mine (revision ffffffff): the Hub has no such revision (404)"
    assert error.mend.startswith(f"name a revision that {hub.address}/ada/mine/commits/main lists")
    error = refused("ada/none")
    assert error.found == (
        "the model ada/none: the Hub has nothing of that name, or it is private, and no token came along (401)"
    )
    assert refused("no name//at all").found.endswith("and it is no name that the Hub allows")


def test_one_bit_flipped_on_the_way_is_found_and_mended_as_it_says(hub: FakeHub) -> None:
    hub.faults.append(Fault("GET /storage/", "flipped"))
    error = refused()
    stated = hashlib.sha256(FILES["model.safetensors"]).hexdigest()
    assert error.found.startswith("model.safetensors of the model ada/mine has the SHA-256 ")
    assert error.found.endswith(f"and the Hub states {stated[:12]}…")
    command, _, file = error.mend.rpartition(": ")[2].partition(" ")
    assert command == "rm"
    Path(file.strip("'")).unlink()
    assert set(got().stated) == set(FILES)


def test_one_bit_flipped_in_a_small_file_too(hub: FakeHub) -> None:
    file = (got().folder / "config.json").resolve()
    file.write_bytes(FILES["config.json"].replace(b"llama", b"lmama"))
    assert refused().found.startswith("config.json of the model ada/mine has the git SHA-1 ")


def test_a_proxy_is_named_without_its_password(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import close_session

    monkeypatch.setenv("http_proxy", "http://ada:password@127.0.0.1:9")
    close_session()
    error = refused()
    assert error.found.startswith("the model ada/mine: the connection through the proxy http://127.0.0.1:9 broke (")
    assert error.mend.startswith("check the proxy http://127.0.0.1:9 (HTTPS_PROXY) and the network")
    monkeypatch.setenv("http_proxy", hub.address)
    close_session()
    hub.faults.append(Fault(".", 407, times=99))
    error = refused()
    assert error.found.startswith(f"the model ada/mine: the proxy {hub.address} does not let the request through (")
    assert error.mend.startswith("correct HTTPS_PROXY (http://USER:PASSWORD@HOST:PORT")


def test_no_connection_at_all(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    error = refused()
    assert error.found == (
        "there is no folder ada/mine here, and the model ada/mine is not in the Hub's cache on this machine, and "
        "there is no connection to http://127.0.0.1:9 (Connection refused)"
    )
    assert error.mend.startswith("connect to the network (where it leads through a proxy, set HTTPS_PROXY), bring the")


def test_a_data_set_that_the_hub_has_other_rows_of(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness_tasks import data
    from harness_tasks.sst2 import hooks

    monkeypatch.setattr(data, "_done", {})
    add_sst2(hub, PHRASES, PHRASES)
    hub.faults += [Fault("GET /storage/", 500), Fault("/tree/", 503), Fault("HEAD /datasets/", 429)]
    with pytest.raises(UserError, match="has 2 rows, not 872"):
        hooks.load_glue()
    hub.keep(hub.repositories[f"dataset/{SST2[0]}"], "main", {})
    del hub.repositories[f"dataset/{SST2[0]}"].revisions[SST2[1]]
    fetch(SST2[0], "dataset", SST2[1], ["*validation-*.parquet"], otherwise="")  # the cache has it
    with pytest.raises(UserError, match=r"\(revision 8d51e7e4\): the Hub has no such revision"):
        hooks.load()


# A task of somebody else's, whose rows datasets loads: what it says of the Hub is said as above.
OTHER_TASK = """task: others
dataset_path: {path}
test_split: test
output_type: generate_until
doc_to_text: sentence
doc_to_target: label
"""


@pytest.mark.parametrize(
    ("fault", "token", "found"),
    [
        (Fault("GET /storage/", 500, times=2), None, None),
        (Fault("/resolve/", 503, times=1), None, None),
        (None, "hf_wrong", "the data set ada/rows: the Hub does not know the token (401)"),
        (
            None,
            None,
            "the task 'others' cannot be loaded: DatasetNotFoundError: Dataset 'ada/rows' is a gated dataset on the "
            "Hub. You must be authenticated to access it.",
        ),
    ],
)
def test_a_task_of_somebody_elses(
    hub: FakeHub, tmp_path: Path, fault: Fault | None, token: str | None, found: str | None
) -> None:
    (tmp_path / "others.yaml").write_text(OTHER_TASK.format(path="ada/rows"))
    columns = [{"name": "idx", "dtype": "int32"}, {"name": "sentence", "dtype": "string"}]
    tables = {"test": sst2_table(PHRASES)}
    made = add_data_set(
        hub, "ada/rows", "a" * 40, {"default": ("data", tables, [*columns, {"name": "label", "dtype": "int64"}])}
    )
    made.allowed = {"ada"} if found and "gated" in found else None
    hub.faults += [fault] if fault else []
    words = [sys.executable, "-m", "harness_tasks", "check", "others", "--include-path", str(tmp_path)]
    done = run(words, env=environment(tmp_path / "home", hub, token))
    assert "Traceback" not in done.stderr
    if found is None:
        assert done.returncode == 0, done.stderr
        assert "scored rows 2" in done.stdout
    else:
        assert done.returncode == 2
        assert f"Found: {found}" in done.stderr
        assert "run `hf auth login`" in done.stderr
