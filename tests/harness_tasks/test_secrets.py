"""Tokens, keys and passwords of every kind go; ordinary text, hashes and addresses stay."""

import subprocess
import sys

import pytest

from harness_tasks.secrets import without_secrets

SECRET = "0a1B2c3D4e5F6g7H8i9J0k1L"
SECRETS = [
    f"hf_{SECRET}",
    f"ghp_{SECRET}",
    f"gho_{SECRET}",
    f"github_pat_{SECRET}_{SECRET}",
    f"glpat-{SECRET}",
    f"sk-{SECRET}",
    f"sk-proj-{SECRET}",
    f"sk-ant-api03-{SECRET}",
    "AKIAIOSFODNN7EXAMPLE",
    f"AIza{SECRET}01234567890",
    f"xoxb-{SECRET}",
    f"npm_{SECRET}0123456789",
    f"eyJ{SECRET}.eyJ{SECRET}.{SECRET}",
    f"wandb_v1_{SECRET}",
]
NAMED = [
    ("WANDB_API_KEY=%s make report", "WANDB_API_KEY=[removed] make report"),
    ("export COMET_API_KEY='%s'", "export COMET_API_KEY='[removed]'"),
    ('{"NEPTUNE_API_TOKEN": "%s"}', '{"NEPTUNE_API_TOKEN": "[removed]"}'),
    ("MLFLOW_TRACKING_PASSWORD: %s", "MLFLOW_TRACKING_PASSWORD: [removed]"),
    ("train --token %s --seed 1", "train --token [removed] --seed 1"),
    ("--api-key=%s", "--api-key=[removed]"),
    ("base_url=http://x/v1,api_key=%s,model=m", "base_url=http://x/v1,api_key=[removed],model=m"),
    ("https://ada:%s@example.org/x", "https://[removed]@example.org/x"),
    ("http://:%s@proxy:3128", "http://[removed]@proxy:3128"),
    ("postgresql+psycopg://u:%s@db/runs", "postgresql+psycopg://[removed]@db/runs"),
    ("https://bucket/x?a=1&X-Amz-Signature=%s&b=2", "https://bucket/x?a=1&X-Amz-Signature=[removed]&b=2"),
    ("Authorization: Bearer %s", "Authorization: Bearer [removed]"),
]
ORDINARY = [
    "half_abc hf_short sk-learn sk-something-without-digits",
    "a task-1234567890abcdefgh and disk-0123456789abcdefghij",
    "0123456789abcdef0123456789abcdef01234567",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "the password is what the guard asks for: say friend; token: a word",
    "pretrained=build/base,dtype=float32,max_length=2048",
    "https://huggingface.co/datasets/ada/x@main?revision=abc ssh://git@example.org:22/x mailto:a@b.c",
    "--tokens 100 --tokenizer build/base EOS_TOKEN_ID=128001",
    "a bearer of good news, Bearer of the ring",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["%s", "use %s, please", '"%s"', "(%s)", "x=%s;"])
def test_a_key_goes_and_what_stands_around_it_stays(secret: str, around: str) -> None:
    clean = without_secrets(around % secret)
    before, _, after = around.partition("%s")
    assert SECRET not in clean
    assert secret not in clean
    assert "[removed]" in clean
    assert clean.startswith(before)
    assert clean.endswith(after)
    assert without_secrets(clean) == clean


@pytest.mark.parametrize(("text", "shown"), NAMED)
def test_a_value_that_is_named_a_secret_goes(text: str, shown: str) -> None:
    assert without_secrets(text % "plainsecret99xyz") == shown
    assert without_secrets(shown) == shown


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays(text: str) -> None:
    assert without_secrets(text) == text


def test_a_private_key_goes_whole() -> None:
    text = "before -----BEGIN RSA PRIVATE KEY-----\nMIIE\nxyz\n-----END RSA PRIVATE KEY----- after"
    assert without_secrets(text) == "before [removed] after"


def test_the_secrets_of_this_process_go_wherever_they_stand() -> None:
    """A tracker's key is forty hexadecimal digits, as a commit is: it is known by the variable that holds it."""
    key = "0123456789abcdef0123456789abcdef01234567"
    code = f"from harness_tasks.secrets import without_secrets; print(without_secrets('a {key} b'))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"WANDB_API_KEY": key, "PATH": ""}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "a [removed] b\n"
