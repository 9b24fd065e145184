"""A study's checkpoints to the Hugging Face Hub, each to a repository of its own, with a card of the study's facts."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness_tasks.errors import UserError
from report.hub.faults import push_with_retries
from report.hub.licences import licence_of
from report.hub.push_record import CHECKPOINTS, SPACE, write_entry
from report.hub.upload import Target, push_target
from studies import load_study


def push_study(
    study: Path,
    *,
    repo: str | None = None,
    private: bool = False,
    create_pr: bool = False,
    dry_run: bool = False,
    space: str | None = None,
    output: Path | None = None,
) -> Iterator[str]:
    """Yields a line for each repository as soon as it is done; with ``dry_run``, what would be pushed.

    Everything is read, checked and cleaned before anything is sent.

    Raises:
        UserError: something is missing or not allowed, here or on the Hub.
        HubError: the Hub or the network failed.
    """
    # Here, because templates and what renders them take longer to load than `--help` may.
    from report.hub.targets import (
        NOBODY,
        check_repository,
        check_target,
        checkpoint_target,
        dry_run_lines,
        repositories,
        space_target,
        trained_here,
    )
    from report.page.whole import facts_now

    plan = load_study(study)
    folder = output or plan.folder
    licence = licence_of(plan, folder)
    facts = facts_now(plan, study, folder)
    account = None if dry_run else _Account()
    namespace = (repo or plan.hub.namespace or (account.name() if account else NOBODY)).partition("/")[0]
    names = repositories(plan, licence, trained_here(facts), repo, namespace)
    how = {"private": private, "create_pr": create_pr}
    made = {
        name: checkpoint_target(plan, study, folder, facts, name, place, licence, **how)
        for name, place in names.items()
    }
    targets = {name: target for name, (target, _) in made.items()}
    for target in targets.values():
        check_target(target, account.token if account else None)
    room = space if space is None or "/" in space else f"{namespace}/{space}"
    if room is not None:
        check_repository(room)
    models = list(names.values())
    if account is None:
        for target, left in made.values():
            yield from dry_run_lines(target, left)
        if room is not None:
            yield from dry_run_lines(space_target(plan, folder, facts, room, licence, models, **how), [])
        return
    for target in targets.values():
        account.validate(target)
    for name, target in targets.items():
        yield account.push(folder, CHECKPOINTS, name, target)
    if room is not None:
        # From facts that hold the links that were just recorded.
        facts = facts_now(plan, study, folder)
        target = space_target(plan, folder, facts, room, licence, models, **how)
        check_target(target, account.token)
        yield account.push(folder, SPACE, "space", target)


class _Account:
    """The token of the usual place, and the client that uses it; neither is ever shown."""

    def __init__(self) -> None:
        import huggingface_hub
        from huggingface_hub import constants

        if constants.is_offline_mode():
            raise UserError(
                "HF_HUB_OFFLINE is set", "nothing can be pushed without the network", "unset it, or use --dry-run"
            )
        token = huggingface_hub.get_token()
        if not token:
            raise UserError(
                "there is no token of the Hugging Face Hub on this machine",
                "nothing can be pushed without an account",
                "run `hf auth login`, or set HF_TOKEN to a token with write access; --dry-run needs none",
            )
        if not sys.stderr.isatty():
            huggingface_hub.utils.disable_progress_bars()
        self.token, self._api = token, huggingface_hub.HfApi(token=token)

    def name(self) -> str:
        """Returns the name of the token's owner."""
        return str(push_with_retries("asking whose token it is", self._api.whoami)["name"])

    def validate(self, target: Target) -> None:
        """Raises UserError where the Hub would not accept the card's metadata."""
        from huggingface_hub import ModelCard

        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "README.md"
            content = target.files["README.md"]
            assert isinstance(content, bytes)
            path.write_bytes(content)

            def refusal() -> str | None:
                # The client says what is wrong as a ValueError; anything else is a fault of the Hub or the network.
                try:
                    ModelCard.load(path).validate()
                except ValueError as error:
                    return str(error)
                return None

            if reason := push_with_retries(f"having the card of {target.repo} checked", refusal):
                raise UserError(
                    f"the Hub does not accept the metadata of the card of {target.repo}: {reason}",
                    "a card with wrong metadata is not shown as one",
                    "correct what the message names in the study file (licence, url), or report it to us",
                )

    def push(self, folder: Path, record: str, key: str, target: Target) -> str:
        """Returns a line on what became of a repository, once it stands in the record."""
        entry, is_new = push_target(self._api, target)
        write_entry(folder, record, key, entry)
        where = entry.get("pull_request") or entry.get("url") or f"{target.repo} (not public)"
        return f"{where} commit {entry['commit']}{'' if is_new else ', nothing to push: it holds the same bytes'}"
