"""Nothing that is published names this machine, its users or a token."""

import getpass
from pathlib import Path

import pytest

from harness_tasks.secrets import cleaned
from report.facts.values import fact
from tests.report.some_facts import SOURCE


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/grace/models/x", "~/models/x"),
        ('{"path": "/Users/grace"}', '{"path": "~"}'),
        (r'"C:\\Users\\grace\\x"', r'"~\\x"'),
        (r"C:\Users\grace\x", r"~\x"),
        ("hf_abcdefghijklmnopqrst", "hf_[removed]"),
        ("homework/homely and /homeless", "homework/homely and /homeless"),
        ("half_abc hf_short", "half_abc hf_short"),
    ],
)
def test_homes_and_tokens_go_and_other_words_stay(text: str, shown: str) -> None:
    assert cleaned(text) == shown


def test_this_folder_this_home_and_this_user_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "home", lambda: Path("/srv/people/grace"))
    monkeypatch.setattr(getpass, "getuser", lambda: "grace")
    text = f"{tmp_path}/build /srv/people/grace/x /scratch/grace/y grace's model /scratch/graceful models/grace/z"
    assert cleaned(text) == "./build ~/x /scratch/[user]/y grace's model /scratch/graceful models/grace/z"


def test_a_fact_is_cleaned() -> None:
    answer = fact("\u202eread /home/grace/notes\x1b[2J ", "text", SOURCE)
    assert answer.value == "read ~/notes [2J"
