"""What would still name this machine or hold the token is not pushed."""

from pathlib import Path

import pytest

from harness_tasks import UserError
from harness_tasks.secrets import without_secrets
from report.hub.clean import check_clean

KEY = "0a1B2c3D4e5F6g7H8i9J0k1L"
SECRETS = [f"ghp_{KEY}", f"sk-proj-{KEY}", f"hf_{KEY}", f"https://ada:{KEY}@example.org/x", f"WANDB_API_KEY={KEY}"]


def test_what_still_holds_home_or_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/srv/grace"))
    check_clean("a.json", b"/srv/graceful", "secret")
    with pytest.raises(UserError, match=r"a\.json holds the path of your home folder"):
        check_clean("a.json", b'"/srv/grace"', "secret")
    check_clean("tokenizer.json", b'"/srv/grace"', "secret", paths=False)
    with pytest.raises(UserError, match=r"a\.json holds your access token"):
        check_clean("a.json", b"the secret word", "secret", paths=False)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_that_is_left_is_refused(secret: str) -> None:
    with pytest.raises(UserError, match=r"a\.json holds what looks like a token or a password, at character \d+"):
        check_clean("a.json", f'"a {secret}"'.encode(), None)
    check_clean("a.json", without_secrets(f'"a {secret}"').encode(), None)
    check_clean("tokenizer.json", f'"a {secret}"'.encode(), None, paths=False)
