"""Where the tasks' rows come from: the Hub at a pinned revision, or a folder named by ``data_dir``; never a mix.

Rows that a task knows are compared with what it knows: the rows' own hash, or the official file's SHA-256.

lm_eval calls a task's dataset hook with everything in the task's metadata, the model's arguments among it. The hooks
read only ``data_dir``, ``other_rows`` and ``data`` of it: the rows never depend on the model.
"""

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

from datasets import Dataset, DatasetDict

from harness_tasks import metrics
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from harness_tasks.hub.download import fetch
from harness_tasks.messages import first_line
from harness_tasks.reading import open_regular
from harness_tasks.sampling import seeded_order

Row = dict[str, Any]
Result = TypeVar("Result")

SHOTS = 1000
"""Rows in a few-shot pool drawn from a large training split: lm_eval reads the whole pool at every start."""

SPLIT_SEED = 1
"""The assignment's seed; all our own seeded choices use it too."""


Proof = Literal["rows", "file", "hub", "none", "other", "shipped"]
"""How a split is known to be what it is said to be: the hash of its rows, or the SHA-256 of its file, which the
task ships; the SHA-256 that the Hub states for its file; nothing; other rows, as the user says; the task's own file."""

PROOFS: dict[Proof, str] = {
    "rows": "the hash of the rows, shipped with the task",
    "file": "the SHA-256 of the file, shipped with the task",
    "hub": "the SHA-256 that the Hub states for the file at this revision",
    "none": "nothing: no hash is shipped, and the cache does not say what the Hub stated",
    "other": "nothing: other rows than the official ones, as `other_rows` allows",
    "shipped": "nothing: the rows are the task's own",
}
"""What is said of each: what the rows were compared with."""


@dataclass(frozen=True)
class PinnedRows:
    """What is known of rows beforehand: how many, their `fingerprint`, and the SHA-256 of the official file.

    A hash is None if nobody could compute it for this task.
    """

    count: int
    fingerprint: str | None = None
    file_sha256: str | None = None


@dataclass(frozen=True)
class Hub:
    """A data set on the Hub at a commit, what is known of each split there, and the official files it equals."""

    name: str
    revision: str
    splits: tuple[tuple[str, PinnedRows], ...]
    files: tuple[str, ...]


@dataclass(frozen=True)
class Origin:
    """Where a split's rows came from, as it is written to the results. ``name`` holds no path of this machine."""

    source: Literal["hub", "folder", "wheel", "shipped"]
    name: str
    revision: str | None = None


def both(first: Origin, second: Origin) -> Origin:
    """Returns the origin of splits of which some came from ``first`` and some from ``second``, of the same kind."""
    return first if first == second else Origin(first.source, f"{first.name}, {second.name}", first.revision)


class Splits(dict[str, Dataset]):
    """The splits of a task; asking for one whose file is missing raises the error that names the file.

    lm_eval reads the few-shot split whenever it builds a task, so a missing one is stood in for by rows that raise
    the same error when one of them is rendered: zero-shot scoring needs no such file.
    """

    def __init__(self, splits: Mapping[str, Dataset], *, missing: UserError | None = None) -> None:
        super().__init__(splits)
        self._missing = missing

    def __missing__(self, split: str) -> Any:
        if self._missing is None:
            raise KeyError(split)
        if split == "fewshot":
            return [_MissingRow(self._missing)] * SHOTS
        raise self._missing


class _MissingRow(Mapping[str, Any]):
    """A row that cannot be read; whoever tries learns why."""

    def __init__(self, error: UserError) -> None:
        self._error = error

    def _fail(self) -> NoReturn:
        raise self._error

    def __getitem__(self, field: str) -> Any:
        self._fail()

    def __iter__(self) -> Iterator[str]:
        self._fail()

    def __len__(self) -> int:
        self._fail()


_done: dict[Hashable, Any] = {}


def once(key: Hashable, make: Callable[[], Result]) -> Result:
    """Returns what ``make`` gave the first time in this process that it was called for ``key``."""
    if key not in _done:
        _done[key] = make()
    return _done[key]


@dataclass(frozen=True)
class Rows:
    """One split as its source holds it. ``key`` changes when the source does."""

    rows: list[Row]
    origin: Origin
    key: Hashable
    proof: Proof


def folder_of(metadata: Mapping[str, Any]) -> Path | None:
    """Returns the folder given as ``data_dir``, or None where the rows come from the Hub."""
    folder = metadata.get("data_dir")
    if folder is None:
        return None
    # A variable stays a variable in commands and results files, which are published; a path would not be.
    path = Path(os.path.expandvars(str(folder))).expanduser()
    if not path.is_dir():
        raise UserError(
            f"data_dir {str(folder)!r} is not a folder",
            "the task was told to read its rows from there",
            'correct the path in `--metadata \'{"data_dir": "DIR"}\'` (a relative one starts at the current folder), '
            "or leave it out and load the rows from the Hub (needs the network)",
        )
    return path


def hub_rows(hub: Hub, split: str, parse: Callable[[Row], Row]) -> Rows:
    """Returns one split of ``hub``, each row through ``parse``; raises UserError where these rows cannot be had.

    The files of the pinned commit are read, and no other: a data set that was prepared before may be of another one.
    """

    def load() -> tuple[list[Row], Proof]:
        known = dict(hub.splits)[split]
        fetched = fetch(hub.name, "dataset", hub.revision, [f"*{split}-*.parquet"], otherwise=_give_folder(hub))
        rows = [parse(row) for file in fetched.files() for row in _read_parquet(file, hub, split)]
        where = f"{hub.name}, split {split} (revision {hub.revision[:8]})"
        mend = f"remove the data set from the Hub's cache (`hf cache rm dataset/{hub.name}`) and load it again, or "
        if len(rows) != known.count:
            raise UserError(
                f"{where}, has {len(rows):,} rows, not {known.count:,}", _OTHER_ROWS, mend + _give_folder(hub)
            )
        if known.fingerprint and (found := fingerprint(rows)) != known.fingerprint:
            raise UserError(
                f"{where}, has rows with the hash {found[:12]}…, not {known.fingerprint[:12]}…",
                _OTHER_ROWS,
                mend + _give_folder(hub),
            )
        if known.fingerprint:
            return rows, "rows"
        return rows, "hub" if all(fetched.stated.values()) else "none"

    rows, proof = once((hub, split), load)
    return Rows(rows, Origin("hub", hub.name, hub.revision), (hub, split), proof)


_OTHER_ROWS = "these are not the rows that the task pins, so scores would not compare with anyone's"


def _read_parquet(file: Path, hub: Hub, split: str) -> list[Row]:
    import pyarrow
    from pyarrow import parquet

    try:
        rows: list[Row] = parquet.ParquetFile(file).read().to_pylist()
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise UserError(
            f"{file.name} of {hub.name}, split {split}, cannot be read: {first_line(error)}",
            "the task's rows are read from it",
            f"remove the data set from the Hub's cache (`hf cache rm dataset/{hub.name}`) and load it again, or "
            + _give_folder(hub),
        ) from error
    return rows


def folder_rows(
    folder: Path, file: str, hub: Hub, parse: Callable[[str], list[Row]], *, known: PinnedRows, other_rows: bool
) -> Rows:
    """Returns the rows that ``parse`` (ValueError with the reason on bad text) finds in ``file`` of ``folder``.

    They must be those that are ``known``, unless the user means ``other_rows``.
    """
    path = folder / file

    def read() -> tuple[list[Row], Proof]:
        with open_regular(path) as opened:
            rows = parse(opened.read().decode("utf-8"))
        if known.fingerprint and fingerprint(rows) == known.fingerprint:
            return rows, "rows"
        if known.file_sha256 and sha256_file(path) == known.file_sha256:
            return rows, "file"
        return rows, "other"

    try:
        status = path.stat()
        key = (str(path.resolve()), status.st_mtime_ns, status.st_size)
        rows, proof = once((key, parse), read)
    except FileNotFoundError:
        raise missing_file(folder, file, hub) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{file} in data_dir {str(folder)!r} cannot be read: {first_line(error)}",
            "the task's rows are read from there",
            f"put the official {file} in its place, or {_use_hub(hub)}",
        ) from error
    if proof == "other" and not other_rows:
        differing = (
            f"{len(rows):,} rows, not the {known.count:,} of the official file"
            if len(rows) != known.count
            else f"{len(rows):,} rows, as many as the official file, but other ones"
        )
        raise UserError(
            f"{file} in data_dir {str(folder)!r} holds {differing}",
            _OTHER_ROWS,
            f"put the official {file} in its place, {_use_hub(hub)}, or say that you mean other rows: "
            '--metadata \'{"data_dir": "DIR", "other_rows": true}\'',
        )
    return Rows(rows, Origin("folder", file), key, proof)


def means_other_rows(metadata: Mapping[str, Any]) -> bool:
    """Returns whether the user says with ``other_rows`` that files in ``data_dir`` need not be the official ones."""
    given = metadata.get("other_rows", False)
    if not isinstance(given, bool):
        raise UserError(
            f"other_rows is {given!r}",
            "it says whether the files in data_dir may hold other rows than the official ones",
            'write true or false: --metadata \'{"data_dir": "DIR", "other_rows": true}\'',
        )
    return given


def missing_file(folder: Path, file: str, hub: Hub) -> UserError:
    """Returns the error for a ``file`` that ``folder`` lacks; it names both ways to the rows."""
    return UserError(
        f"{file} is missing from data_dir {str(folder)!r}",
        "the task's rows are read from there, and there is no substitute",
        f"put the official {file} there (expected files: {_files(hub)}), or {_use_hub(hub)}",
    )


def _files(hub: Hub) -> str:
    return " and ".join(hub.files)


def _give_folder(hub: Hub) -> str:
    return f'give a folder that holds {_files(hub)}: --metadata \'{{"data_dir": "DIR"}}\''


def _use_hub(hub: Hub) -> str:
    return f"leave `data_dir` out and load {hub.name} from the Hub (needs the network)"


def assignment_split(rows: Dataset) -> DatasetDict:
    """Returns the assignment's ``train`` and ``test`` of ``rows``: 20 % are scored, drawn with seed 1."""
    return rows.train_test_split(test_size=0.2, seed=SPLIT_SEED)


def assignment_indices(count: int) -> tuple[list[int], list[int]]:
    """Returns the indices of the training and of the scored rows when the assignment splits ``count`` rows."""
    # Only the indices go through datasets: the rows themselves need not be copied into Arrow for it.
    split = assignment_split(Dataset.from_dict({"index": range(count)}))
    return split["train"][:]["index"], split["test"][:]["index"]


def shot_pool(
    rows: Sequence[Row],
    clusters: Callable[[Sequence[int]], Sequence[str | None]],
    scored: set[str],
    *,
    refuse: Callable[[Row], bool] = lambda row: False,
) -> list[Row]:
    """Returns up to `SHOTS` training rows to draw shots from, none of a cluster in ``scored``; seeded, in file order.

    ``clusters`` returns the cluster of each of some rows, given by their indices; a row whose cluster is None is left
    out, and so is one that ``refuse`` is true of. Both are asked only until there are enough rows.
    """
    order = seeded_order(range(len(rows)), SPLIT_SEED, prefix="shots")

    def kept() -> Iterator[int]:
        for start in range(0, len(order), 4 * SHOTS):
            some = order[start : start + 4 * SHOTS]
            for index, name in zip(some, clusters(some), strict=True):
                if name is not None and name not in scored and not refuse(rows[index]):
                    yield index

    return [rows[index] for index in sorted(itertools.islice(kept(), SHOTS))]


def fingerprint(rows: Sequence[Row]) -> str:
    """Returns the SHA-256 (64 hex digits) of the rows in their order, each as canonical JSON on a line of its own."""
    digest, encoded = hashlib.sha256(), _CANONICAL.encode
    for row in rows:
        digest.update(encoded(row).encode() + b"\n")
    return digest.hexdigest()


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def deliver(
    metadata: Mapping[str, Any],
    origin: Origin,
    make: Callable[[], Mapping[str, Sequence[Row]]],
    *,
    key: Hashable,
    kind: metrics.Kind | None,
    proofs: Mapping[str, Proof],
    missing: UserError | None = None,
) -> Splits:
    """Returns the splits that ``make`` gives, as data sets, and writes into ``metadata`` what they are.

    ``metadata["data"]`` then says what was read, and ``metadata["signature"]`` how a task of this ``kind`` is scored;
    None: by metrics of lm_eval's own, which have no signature.

    lm_eval passes the task's metadata by reference and dumps it into the results, so these nested dicts are how a hook
    says what was scored, and with what. ``key`` names the splits: they are made once a process. ``proofs`` says of each
    split how its rows are known to be the right ones.
    """

    def build() -> tuple[dict[str, Dataset], dict[str, Any]]:
        rows = make()
        facts = {
            "source": origin.source,
            "name": origin.name,
            "revision": origin.revision,
            "fingerprint": {split: fingerprint(split_rows) for split, split_rows in rows.items()},
            "rows": {split: len(split_rows) for split, split_rows in rows.items()},
            "compared_with": {split: PROOFS[proofs[split]] for split in rows},
        }
        return {split: Dataset.from_list(list(split_rows)) for split, split_rows in rows.items()}, facts

    splits, facts = once((key, origin, tuple(proofs.items())), build)
    if isinstance(described := metadata.get("data"), dict):
        described.update(facts)
    if kind and isinstance(signature := metadata.get("signature"), dict):
        signature.update(metrics.signatures(kind))
    return Splits(splits, missing=missing)
