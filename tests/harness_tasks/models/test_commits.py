"""Which commit of a Hub repository was loaded."""

from pathlib import Path

import pytest
from hub_snapshots import FIRST, SECOND, downloaded

from harness_tasks.models.answer_cache import contents
from harness_tasks.models.commits import commit_of, is_commit


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_the_commit_is_that_of_what_was_downloaded(cache: Path) -> None:
    downloaded(cache, "ada/base", FIRST, "config.json")
    downloaded(cache, "ada/base", SECOND, "config.json", branch="next")
    downloaded(cache, "ada/adapter", SECOND, "adapter_config.json")
    assert commit_of("ada/base") == FIRST
    assert commit_of("ada/base", "next") == SECOND
    assert commit_of("ada/adapter") == SECOND
    downloaded(cache, "ada/base", SECOND, "config.json")  # `main` has moved, and was loaded again
    assert commit_of("ada/base") == SECOND
    assert commit_of("ada/base", FIRST) == FIRST


def test_a_folder_has_none_and_what_was_never_downloaded_is_unknown(cache: Path, tmp_path: Path) -> None:
    assert commit_of(str(tmp_path)) is None
    assert commit_of("ada/base") is None
    assert commit_of("no/such/name") is None
    downloaded(cache, "ada/base", FIRST, "config.json")
    assert commit_of("ada/base", "a-branch-never-seen") is None


def test_a_shortened_commit_is_none() -> None:
    assert is_commit(FIRST)
    assert not any(map(is_commit, (None, "main", FIRST[:12], FIRST + "1", FIRST.replace("1", "g"))))


def test_answers_of_one_commit_are_not_those_of_another(cache: Path) -> None:
    """They are kept under what `contents` returns: after `main` has moved, none of the old ones may be found."""
    downloaded(cache, "ada/base", FIRST, "config.json")
    before = contents("ada/base")
    downloaded(cache, "ada/base", SECOND, "config.json")
    assert (before, contents("ada/base")) == (["ada/base", FIRST], ["ada/base", SECOND])
    assert contents("ada/base", FIRST) == before
