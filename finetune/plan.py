"""What a run would do, said before any weight is loaded: `aftertune plan-training`, with the options of `train`."""

import time
from dataclasses import asdict, dataclass
from typing import Any, Literal

from finetune import estimate
from finetune.estimate import gigabytes
from finetune.fits import Fit, fits, shown_fits
from finetune.guards import Evidence, Verdict, examine
from finetune.guards.rows import length_limit
from finetune.ledger import Ledger
from finetune.prepare import Prepared, prepare
from finetune.rows import Row
from finetune.run import Run
from finetune.sizes import sizes_of
from harness_tasks.errors import UserError
from harness_tasks.overlap import GRADES

MASKED, LEARNT, PLAIN = "\033[2m", "\033[1;32m", "\033[0m"
"""Dim for what is read, bold green for what is learnt; the words before each line say the same without colour."""


@dataclass(frozen=True)
class Segment:
    """A part of a rendered row, its tokens decoded. A `label` is no token of the row, but its right choice."""

    kind: Literal["masked", "learnt", "label"]
    tokens: int
    text: str


@dataclass(frozen=True)
class Plan:
    """What `aftertune plan-training` found. Sizes are in bytes, and estimated for the largest step.

    ``preparation_seconds``: what rendering the rows and asking the guards took here. ``work``: what memory and time are
    estimated from. ``fits``: which GPU's memory would do.
    ``probe``: what three steps took (`finetune.train.Probe`), from which ``seconds`` follow; else they are estimated.
    ``parameters`` is None where the method does not fit the model, and with it what follows from the count.
    """

    run: Run
    rows: dict[str, int]
    lengths: dict[str, int | float]
    parameters: dict[str, int] | None
    memory_bytes: int | None
    disk_bytes: int | None
    tokens: int
    supervised: int
    steps: int
    operations: int | None
    seconds: float | None
    preparation_seconds: float
    probe: dict[str, float] | None
    work: estimate.Work
    fits: tuple[Fit, ...]
    row: tuple[Segment, ...]
    overlap: tuple[dict[str, Any], ...]
    guards: tuple[Verdict, ...]

    @property
    def failed(self) -> bool:
        """Whether a guard failed: training would not start."""
        return any(verdict.verdict == "fail" for verdict in self.guards)

    def as_json(self) -> dict[str, Any]:
        """Returns the plan as plain JSON values."""
        run = self.run
        return {
            "model": run.model,
            "task": run.task,
            "method": run.method,
            "head": run.head,
            "recipe": run.choices(),
            "dtype": run.dtype,
            "device": run.device,
            "rows": self.rows,
            "lengths": self.lengths,
            "parameters": self.parameters,
            "memory_bytes": self.memory_bytes,
            "disk_bytes": self.disk_bytes,
            "tokens": {"input": self.tokens, "supervised": self.supervised},
            "steps": self.steps,
            "operations": self.operations,
            "seconds": self.seconds,
            "preparation_seconds": self.preparation_seconds,
            "work": asdict(self.work),
            "fits": [asdict(fit) for fit in self.fits],
            "probe": self.probe,
            "row": [asdict(segment) for segment in self.row],
            "overlap": list(self.overlap),
            "guards": [verdict.as_json() for verdict in self.guards],
        }

    def as_text(self, *, colour: bool = False) -> str:
        """Returns the plan as lines of text; ``colour``: with a terminal's codes for what is learnt and what fails."""
        run, rows = self.run, self.rows
        split = f", {rows['dev']:,} to choose the checkpoint on" if rows["dev"] else ""
        lines = [
            f"{run.method} of {run.model} ({run.head}) on {run.task}, {run.dtype} on {run.device}",
            "",
            f"{'rows':<12} {rows['train']:,} to train on{split}, of {rows['available']:,}; "
            f"left out: {rows['identical']:,} identical to scored rows, {rows['min_words']:,} too short, "
            f"{rows['overlap']:,} contained in scored rows",
            f"{'lengths':<12} {self.lengths['mean']:.1f} tokens on average, {self.lengths['longest']:,} at most; "
            f"{self.lengths['too_long']:,} rows longer than the {self.lengths['limit']:,} allowed, none is truncated",
        ]
        if run.shuffle_targets:
            lines.append(f"{'control':<12} each row learns the target of another row")
        if self.parameters is not None:
            p = self.parameters
            lines.append(f"{'parameters':<12} {p['trained']:,} trainable, {p['added']:,} added, {p['total']:,} in all")
        if self.memory_bytes is not None and self.disk_bytes is not None:
            measured = f"; {gigabytes(self.probe['peak_memory_bytes'])} measured in three steps" if self.probe else ""
            peak, disk = gigabytes(self.memory_bytes), gigabytes(self.disk_bytes)
            lines.append(f"{'memory':<12} {peak} in the largest step (estimated{measured}); {disk} of disk at most")
            parts = run.recipe.gradient_accumulation_steps
            lines.append(f"{'on a GPU of':<12} {shown_fits(self.fits, method=run.method, parts=parts)}")
        lines.append(
            f"{'work':<12} {self.steps:,} steps, {self.tokens:,} tokens, {self.supervised:,} items with a loss"
            + (f", {self.operations:.2e} operations" if self.operations is not None else "")
        )
        if self.seconds is not None:
            source = "from three steps" if self.probe else "estimated"
            before = f"{estimate.shown_time(self.preparation_seconds)} to render the rows and ask the guards"
            lines.append(f"{'time':<12} {estimate.shown_time(self.seconds)} of training ({source}), {before}")
        for found in self.overlap:
            kinds = ", ".join(f"{found[grade]:,} {grade}" for grade in GRADES)
            lines.append(
                f"{'overlap':<12} {found['any']:,} of {found['scored']:,} scored rows of {found['task']}: {kinds}"
            )
        lines += [
            "",
            "One training row (masked: input, without loss; learnt: target tokens):",
            *self._row_lines(colour),
            "",
        ]
        for verdict in self.guards:
            lines += _verdict_lines(verdict, colour)
        counts = {outcome: sum(v.verdict == outcome for v in self.guards) for outcome in ("fail", "warn")}
        lines += ["", f"{len(self.guards)} guards: {counts['fail']} failed, {counts['warn']} warned"]
        return "\n".join(lines)

    def _row_lines(self, colour: bool) -> list[str]:
        lines = []
        for segment in self.row:
            shade = MASKED if segment.kind == "masked" else LEARNT
            for part in _visible(segment.text):
                lines.append(f"  {segment.kind:<6} | " + (f"{shade}{part}{PLAIN}" if colour else part))
        read = sum(segment.tokens for segment in self.row if segment.kind == "masked")
        learnt = sum(segment.tokens for segment in self.row if segment.kind == "learnt")
        return [*lines, f"  {read} tokens masked, {learnt} learnt"]


@dataclass(frozen=True)
class PlanFindings:
    """What can be said of a prepared run without a speed: its rows, the guards' verdicts and the work that is to do.

    ``ledger`` is None where the method does not fit the model; the guard `trainable-count` says why.
    ``preparation_seconds``: what rendering the rows and asking the guards took here.
    """

    prepared: Prepared
    guards: tuple[Verdict, ...]
    overlap: tuple[dict[str, Any], ...]
    work: estimate.Work
    ledger: Ledger | None
    preparation_seconds: float

    @property
    def rows(self) -> dict[str, int]:
        """How many rows are trained on, held back, available, and left out for which reason."""
        return {"train": len(self.prepared.rows), "dev": len(self.prepared.dev_rows), **self.prepared.counts}

    def as_json(self) -> dict[str, Any]:
        """Returns what depends on no device, as plain JSON values."""
        return {
            "rows": self.rows,
            "lengths": _lengths(self.prepared),
            "work": asdict(self.work),
            "preparation_seconds": self.preparation_seconds,
            "overlap": list(self.overlap),
            "guards": [verdict.as_json() for verdict in self.guards],
        }


def findings(prepared: Prepared, *, seconds: float = 0.0) -> PlanFindings:
    """Returns what the guards find of a run, and its work; ``seconds`` is what preparing it took."""
    started = time.perf_counter()
    evidence = Evidence(prepared)
    guards = tuple(examine(prepared, evidence=evidence))
    seconds += time.perf_counter() - started
    try:
        ledger = evidence.ledger
    except UserError:
        ledger = None
    overlap = tuple(scored.as_json() for scored in evidence.scored)
    return PlanFindings(prepared, guards, overlap, estimate.work(prepared), ledger, seconds)


def plan(run: Run, *, probe: bool = False) -> Plan:
    """Returns what the run would do; ``probe`` loads the model and times three steps, where no guard fails.

    Raises:
        UserError: as `prepare` does.
    """
    started, gpu_dtype = time.perf_counter(), "bfloat16" if run.dtype == "auto" else run.dtype
    prepared = prepare(run)
    run = prepared.run
    known = findings(prepared, seconds=time.perf_counter() - started)
    work, ledger, guards = known.work, known.ledger, known.guards
    found, disk = None, None
    fitting: tuple[Fit, ...] = ()
    if ledger is not None:
        sizes = sizes_of(prepared.config, run.head)
        found = estimate.training(
            work,
            ledger,
            sizes,
            method=run.method,
            dtype=str(run.dtype),
            device=str(run.device),
            lora_r=run.recipe.lora_r,
            last_layers=run.recipe.lora_last_layers,
            speed=estimate.operations_a_second(str(run.dtype), str(run.device)),
        )
        disk = sum(estimate.disk_bytes(ledger, run.method))
        fitting = fits(
            work,
            prepared.config,
            sizes,
            run.recipe,
            method=run.method,
            head=run.head,
            labels=len(prepared.labels),
            dtype=gpu_dtype,
        )
    seconds = found.seconds if found else None
    measured = None
    if probe and not any(verdict.verdict == "fail" for verdict in guards):
        from finetune.train import probe as time_steps

        measured = asdict(time_steps(prepared, steps=3))
        seconds = measured["seconds_per_step"] * work.tokens / measured["tokens_per_step"]
    parameters = {"trained": ledger.trainable, "added": ledger.added, "total": ledger.total} if ledger else None
    return Plan(
        run=run,
        rows=known.rows,
        lengths=_lengths(prepared),
        parameters=parameters,
        memory_bytes=found.memory_bytes if found else None,
        disk_bytes=disk,
        tokens=work.tokens,
        supervised=work.supervised,
        steps=work.steps,
        operations=found.operations if found else None,
        seconds=seconds,
        preparation_seconds=known.preparation_seconds,
        work=work,
        fits=fitting,
        probe=measured,
        row=segments(prepared, prepared.rows[0]),
        overlap=known.overlap,
        guards=guards,
    )


def segments(prepared: Prepared, row: Row) -> tuple[Segment, ...]:
    """Returns the row in its parts, as text: what is read, what is learnt, and a classifier's label."""
    decode = prepared.tokenizer.decode

    def part(kind: Literal["masked", "learnt"], ids: tuple[int, ...]) -> list[Segment]:
        return [Segment(kind, len(ids), decode(ids))] if ids else []

    if row.label is not None:
        return (*part("masked", row.prompt_ids), Segment("label", 0, prepared.labels[row.label]))
    if row.span is not None:
        first, stop = row.span[0], row.span[1] + 1
        before, span, after = row.prompt_ids[:first], row.prompt_ids[first:stop], row.prompt_ids[stop:]
        return (*part("masked", before), *part("learnt", span), *part("masked", after))
    return (*part("masked", row.prompt_ids), *part("learnt", row.target_ids))


def _lengths(prepared: Prepared) -> dict[str, int | float]:
    lengths = [row.length for row in (*prepared.rows, *prepared.dev_rows)]
    limit, _ = length_limit(prepared)
    too_long = sum(length > limit for length in lengths)
    mean = sum(lengths) / len(lengths)
    return {"mean": round(mean, 2), "longest": max(lengths), "limit": limit, "too_long": too_long}


def _verdict_lines(verdict: Verdict, colour: bool) -> list[str]:
    shade = {"fail": "\033[1;31m", "warn": "\033[33m"}.get(verdict.verdict, "") if colour else ""
    lines = [f"{shade}{verdict.verdict:<14} {verdict.id:<16}{PLAIN if shade else ''} {verdict.found}"]
    if verdict.verdict in ("fail", "warn"):
        lines += [f"{'':<32}Why it matters: {verdict.why}", f"{'':<32}To mend it: {verdict.mend}"]
    return lines


def _visible(text: str) -> list[str]:
    r"""Returns the text's lines, each with the line break that ends it written out.

    >>> _visible("Answer:\n Rome\n")
    ['Answer:\\n', ' Rome\\n']
    """
    parts = text.split("\n")
    shown = [part + "\\n" for part in parts[:-1]] + [parts[-1]]
    return shown if shown[-1] or len(shown) == 1 else shown[:-1]
