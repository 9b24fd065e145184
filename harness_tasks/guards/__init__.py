"""Named checks of what is to be scored, before a model is loaded: what would go wrong without a sign of it.

A guard returns a verdict, as those of a training run do (`finetune.guards`); README.md beside this file has a section
for each. Every one can be allowed: somebody may mean just that.
"""

import sys
from collections.abc import Iterable, Sequence

from harness_tasks.errors import UserError
from harness_tasks.guards.verdicts import Verdict, raise_failed
from harness_tasks.messages import nearest_name

GUARDS = ("shots", "adapter-base")


def take_allowed(arguments: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Returns ``arguments`` without each ``--allow GUARD``, which lm_eval does not know, and the guards.

    Raises UserError for a guard that there is not.

    >>> take_allowed(["--tasks", "x", "--allow", "shots", "--limit", "2"])
    (['--tasks', 'x', '--limit', '2'], ('shots',))
    """
    kept, allowed, words = list[str](), list[str](), list(arguments)
    while words:
        word = words.pop(0)
        if word == "--allow":
            allowed.append(words.pop(0) if words else "")
        elif word.startswith("--allow="):
            allowed.append(word.partition("=")[2])
        else:
            kept.append(word)
    check_allowed(allowed)
    return kept, tuple(dict.fromkeys(allowed))


def check_allowed(allowed: Iterable[str]) -> None:
    """Raises UserError where one of ``allowed`` is no guard of scoring."""
    for name in allowed:
        if name not in GUARDS:
            near = nearest_name(name, GUARDS, cutoff=0.3) or GUARDS[0]
            raise UserError(
                f"--allow {name}: there is no such guard of scoring",
                "a mistyped name would have no effect",
                f"write {near}, if that is what you mean; there are {', '.join(GUARDS)}",
            )


def enforce(verdicts: Sequence[Verdict], allowed: Iterable[str] = ()) -> list[str]:
    """Returns the guards that failed and are ``allowed``; says them, and each warning, on stderr.

    Raises GuardError where others failed.
    """
    for verdict in verdicts:
        if verdict.verdict == "warn" or (verdict.verdict == "fail" and verdict.id in allowed):
            print(f"Warning (guard {verdict.id}): {verdict.found}: {verdict.why}.", file=sys.stderr)
    raise_failed([verdict for verdict in verdicts if verdict.id not in allowed])
    return sorted({verdict.id for verdict in verdicts if verdict.verdict == "fail"})
