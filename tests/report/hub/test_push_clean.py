"""What would still name this machine or hold the token is not pushed."""

from pathlib import Path

import pytest

from harness_tasks import UserError
from report.hub.clean import check_clean


def test_what_still_holds_home_or_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/srv/grace"))
    check_clean("a.json", b"/srv/graceful", "secret")
    with pytest.raises(UserError, match=r"a\.json holds the path of your home folder"):
        check_clean("a.json", b'"/srv/grace"', "secret")
    check_clean("tokenizer.json", b'"/srv/grace"', "secret", paths=False)
    with pytest.raises(UserError, match=r"a\.json holds your access token"):
        check_clean("a.json", b"the secret word", "secret", paths=False)
