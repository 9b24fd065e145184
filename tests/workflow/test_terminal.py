"""What a run shows: its state from events, the live view as text, plain lines, and what is said of failed steps."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness_tasks.files import write_json
from harness_tasks.progress import PROGRESS_SUFFIX, PROGRESS_VARIABLE, Bar, ProgressFile
from studies import Grid, load_grid
from workflow import failures
from workflow.run import PLUGINS
from workflow.terminal.estimates import Estimates
from workflow.terminal.show import LiveView, PlainLines, Watch, is_live, summary
from workflow.terminal.state import Events, RunState, Step
from workflow.terminal.words import Words, logged_warnings, measured

STUDY = "title: Snippets\nmodel: {id: tiny-random}\ntasks: {reviews_demo: }\nauthors: [{name: a, did: b}]\n"
NAME = "reviews_demo-lora-seed1"
TRAIN = {"study": "mine", "checkpoint": NAME}
SCORE = {"study": "mine", "name": "base", "task": "reviews_demo"}
ESTIMATES = Estimates({f"mine: fine-tune {NAME}": 100.0, "mine: score base on reviews_demo": 40.0})
RULES = {"train": 1, "score": 2, "all": 1, "total": 4}


@pytest.fixture
def grid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grid:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(STUDY)
    return load_grid("mine.yaml")


def started(job: int, rule: str, of: dict[str, str], at: float, log: str | None = None) -> dict[str, Any]:
    return {"event": "started", "job": job, "rule": rule, "of": of, "log": log, "at": at}


def some_state(now: float = 0.0) -> RunState:
    """A run in its middle: a score of 40 s is done after 20 s, training of 100 s has run for 25 s, a score waits."""
    state = RunState(ESTIMATES, started=now)
    state.apply({"event": "planned", "rules": RULES, "at": now})
    state.apply(started(1, "score", SCORE, now))
    state.apply({"event": "finished", "job": 1, "at": now + 20})
    state.apply(started(2, "train", TRAIN, now + 20))
    return state


def test_the_work_that_is_left_is_counted_by_the_estimates_at_the_speed_of_the_run() -> None:
    state = some_state()
    assert (state.done, state.total) == (1, 3)
    # done: 40 s and 25 of 100 s; left: 75 s, and 40 s for the score that waits
    assert state.share(45.0) == pytest.approx(65 / 180)
    # 45 s went by for 65 s of work, and for a minute the estimate itself is believed
    assert state.seconds_left(45.0) == pytest.approx(115 * (45 + 60) / (65 + 60))
    assert summary(state, 45.0) == "1 of 3 steps done, about 97 s left" or "about 2 min left" in summary(state, 45.0)
    assert RunState(ESTIMATES, 0.0).seconds_left(10.0) is None


def test_a_step_that_failed_is_no_done_one_and_its_next_try_runs_again() -> None:
    state = some_state()
    failed = state.apply({"event": "failed", "job": 2, "at": 50.0})
    assert failed is not None
    assert failed.is_failed
    assert state.apply({"event": "failed", "job": 2, "at": 51.0}) is None  # told twice
    assert (state.done, state.running) == (1, [])
    again = state.apply(started(2, "train", TRAIN, 60.0))
    assert again is not None
    assert again.tries == 2
    assert state.running == [again]
    assert state.total == 3


def test_a_line_that_is_being_written_waits_for_its_end(tmp_path: Path) -> None:
    events = Events(tmp_path / "events")
    assert events.new() == []
    (tmp_path / "events").write_text('{"a": 1}\n{"b"')
    assert events.new() == [{"a": 1}]
    assert events.new() == []
    (tmp_path / "events").write_text('{"a": 1}\n{"b": 2}\n')
    assert events.new() == [{"b": 2}]


def test_a_step_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "train.log"
    place = tmp_path / f"train.log{PROGRESS_SUFFIX}"
    monkeypatch.setenv(PROGRESS_VARIABLE, str(place))
    step = Step("train", TRAIN, log, started=0.0)
    assert step.read_progress() is None
    file = ProgressFile("training", "steps", first=10)
    file.write(30, 40, {"loss": 0.5})
    found = step.read_progress()
    assert found is not None
    assert (found.done, found.total, found.share, dict(found.values)) == (30, 40, 0.75, {"loss": 0.5})
    assert found.a_second > 0
    file.write(31, 40)  # within the same second
    assert json.loads(place.read_text())["done"] == 30
    place.write_text("[1")
    assert step.read_progress() is None
    os.utime(place, (5.0, 5.0))
    file.write(40, 40)
    assert json.loads(place.read_text())["done"] == 40
    step.started = place.stat().st_mtime + 60
    assert step.read_progress() is None  # an earlier try's
    file.close()
    assert list(tmp_path.iterdir()) == []


def test_a_bar_notes_its_items_and_shows_nothing_where_no_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(PROGRESS_VARIABLE, raising=False)
    with Bar(2, "reading") as bar:
        bar.update()
        bar.update()
    assert "reading: 100%" in capsys.readouterr().err
    monkeypatch.setenv(PROGRESS_VARIABLE, str(tmp_path / "state"))
    with Bar(3, "reading") as bar:
        bar.update(3)
        state = json.loads((tmp_path / "state").read_text())
    assert (state["what"], state["done"], state["total"]) == ("reading", 3, 3)
    assert not (tmp_path / "state").exists()
    with Bar(3, "reading", disable=True) as bar:
        bar.update(3)
    assert not (tmp_path / "state").exists()


def test_a_bar_on_a_terminal_waits_until_the_loop_has_taken_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    screen.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", screen)
    with Bar(2, "reading") as bar:
        bar.update(2)
    assert screen.getvalue() == ""
    with Bar(2, "reading") as bar:
        bar.start_t -= 3
        bar.last_print_t -= 3
        bar.update(2)
    assert "reading: 100%" in screen.getvalue()


def test_a_finished_step_is_told_with_its_result(grid: Grid) -> None:
    words = Words(grid)
    folder = grid.folder / "scores" / "base" / "reviews_demo"
    results = {"results": {"reviews_demo": {"f1,none": 0.5, "acc,none": 0.605}}}
    configuration = {"metric_list": [{"metric": "f1"}, {"metric": "acc"}], "metadata": {"primary": "acc", "scale": 1}}
    write_json(folder / "results.json", {**results, "configs": {"reviews_demo": configuration}})
    score = Step("score", SCORE, None, started=10.0, ended=64.0)
    assert words.done(score) == "scored base on reviews_demo: accuracy 0.605, 54 s"
    assert words.doing(score) == "scoring base on reviews_demo"
    record = {"loss_curve": [{"loss": 2.0}, {"loss": 0.41249}], "steps": 1250}
    write_json(grid.folder / "checkpoints" / NAME / "finetune.json", record)
    train = Step("train", TRAIN, None, started=0.0, ended=600.0)
    assert words.done(train) == f"fine-tuned {NAME}: loss 0.412 after 1,250 steps, 10 min"
    (folder / "results.json").write_text("{")
    assert words.done(score) == "scored base on reviews_demo: 54 s"  # the page's step tells what is wrong with it


def test_every_rule_has_words(grid: Grid) -> None:
    snakefile = (Path(__file__).parents[2] / "workflow" / "Snakefile").read_text()
    rules = [line.split()[1].rstrip(":") for line in snakefile.splitlines() if line.strip().startswith("rule ")]
    from workflow.terminal.words import WORDS

    assert {*rules} - {"all"} == {*WORDS}


def test_a_name_from_elsewhere_cannot_steer_the_terminal(grid: Grid, tmp_path: Path) -> None:
    of = {**SCORE, "name": "[red]a\x1b[2J\r\u202eb"}
    state = RunState(ESTIMATES, 0.0)
    log = tmp_path / "log"
    log.write_bytes(b"earlier\nWarning: old\nWarning: \x1b[31mtwo rows\nwarning: [b]x\nWarning: \x1b[31mtwo rows\n")
    state.apply({"event": "planned", "rules": RULES, "at": 0.0})
    step = state.apply(started(1, "score", of, 0.0, str(log)))
    assert step is not None
    step.log_start = 21
    assert logged_warnings(step) == [" [31mtwo rows", "[b]x"]
    shown = frame(grid, state, 5.0)
    assert "\x1b" not in shown
    assert "\r" not in shown
    assert "\u202e" not in shown
    assert "scoring [red]a [2J b on reviews_demo" in shown


def frame(grid: Grid, state: RunState, now: float, *, width: int = 100, ended: str = "") -> str:
    """Returns what the terminal shows at a moment."""
    console = Console(file=io.StringIO(), width=width, height=24, force_terminal=True, color_system=None, record=True)
    view = LiveView(Words(grid), f"{grid.name}: {grid.title}", console)
    view.close()
    console.export_text()  # what the view itself has drawn
    if ended:
        view.ended(ended, is_failed=False)
    console.print(view.frame(state, now))
    return console.export_text()


def test_the_view_has_the_study_the_whole_and_a_line_for_each_step(grid: Grid, monkeypatch: pytest.MonkeyPatch) -> None:
    state = some_state()
    log = Path("train.log")
    monkeypatch.setenv(PROGRESS_VARIABLE, f"train.log{PROGRESS_SUFFIX}")
    ProgressFile("training", "steps").write(50, 100, {"loss": 0.25})
    state.running[0].log, state.running[0].started = log, 20.0
    lines = frame(grid, state, 45.0, ended="scored base on reviews_demo: accuracy 0.605, 20 s").splitlines()
    assert lines[0] == "✓ scored base on reviews_demo: accuracy 0.605, 20 s"
    assert lines[1] == "mine: Snippets"
    assert lines[2].strip("━─ ").startswith("1 of 3 steps done, about ")
    assert f"fine-tuning {NAME}" in lines[3]
    assert lines[3].rstrip().endswith("loss 0.250")
    assert "50/100 steps" in lines[3]
    assert len(lines) == 4


@pytest.mark.parametrize("width", [20, 40, 59, 60, 80, 200])
def test_no_line_of_the_view_is_wrapped(grid: Grid, width: int) -> None:
    lines = frame(grid, some_state(), 45.0, width=width).splitlines()
    assert len(lines) == 3
    assert all(len(line) <= width for line in lines)
    assert "fine-tuning"[: width - 8] in lines[2]


def test_what_a_step_says_is_read_once_for_each_frame(grid: Grid, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Step] = []
    monkeypatch.setattr(Step, "read_progress", lambda step: read.append(step))
    state = some_state()
    state.apply(started(3, "score", {**SCORE, "name": NAME}, 20.0))
    frame(grid, state, 45.0)
    assert read == state.running
    lines = PlainLines(Words(grid), io.StringIO(), now=0.0)
    lines.tick(state, 50.0)  # two steps were started: nothing to read for that
    assert read == state.running
    lines.tick(state, 110.0)
    assert read == [*state.running, *state.running]


def test_more_steps_than_lines_are_counted(grid: Grid) -> None:
    state = RunState(ESTIMATES, 0.0)
    state.apply({"event": "planned", "rules": {"score": 64}, "at": 0.0})
    for job in range(64):
        state.apply(started(job, "score", {**SCORE, "name": f"m{job}"}, float(job)))
    lines = frame(grid, state, 100.0).splitlines()
    assert len(lines) == 23
    assert lines[-1].strip() == "and 44 more"


def test_off_a_terminal_long_steps_are_announced_and_a_minute_is_never_silent(grid: Grid) -> None:
    stream, state = io.StringIO(), some_state(now=1000.0)
    state.apply(started(3, "check", {"study": "mine", "task": "reviews_demo"}, 1020.0))
    lines = PlainLines(Words(grid), stream, now=1000.0)
    for second in range(1020, 1145):
        lines.tick(state, float(second))
    said = stream.getvalue().splitlines()
    assert said[0] == f"fine-tuning {NAME} ..."
    assert len(said) == 3  # at its start, and after one and two minutes
    for line in said[1:]:
        assert line.startswith("1 of 3 steps done, about ")
        assert line.endswith(f"; fine-tuning {NAME}; checking the data of reviews_demo")


@pytest.mark.parametrize(
    ("is_terminal", "name", "live"), [(True, "xterm", True), (True, "dumb", False), (False, "xterm", False)]
)
def test_a_view_needs_a_terminal_that_is_not_dumb(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, name: str, live: bool
) -> None:
    stream = io.StringIO()
    stream.isatty = lambda: is_terminal  # type: ignore[method-assign]
    monkeypatch.setenv("TERM", name)
    assert is_live(stream) is live


def test_a_watch_tells_each_step_once_and_its_warnings_at_the_end(grid: Grid) -> None:
    stream = io.StringIO()
    events, log = Path("events"), Path("score.log")
    watch = Watch(grid, events, stream, clock=lambda: 30.0)
    lines = [{"event": "planned", "rules": RULES, "at": 0.0}, started(1, "score", SCORE, 0.0, str(log))]
    events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    watch.tick()
    log.write_text("Warning: 3 of 40 inputs are longer than 64 tokens\n")
    lines += [{"event": "finished", "job": 1, "at": 20.0}, started(2, "train", TRAIN, 20.0, "train.log")]
    lines += [{"event": "failed", "job": 2, "at": 25.0}]
    events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    watch.tick()
    watch.close()
    assert stream.getvalue().splitlines() == [
        "mine: Snippets",
        "scoring base on reviews_demo ...",
        "scored base on reviews_demo: 20 s",
        f"failed: fine-tuning {NAME}; its log: train.log",
    ]
    assert watch.warned() == ["warning (scoring base on reviews_demo): 3 of 40 inputs are longer than 64 tokens"]


def test_a_step_that_was_told_to_stop_is_no_failed_one(grid: Grid) -> None:
    stream, events = io.StringIO(), Path("events")
    watch = Watch(grid, events, stream, clock=lambda: 5.0)
    lines = [started(2, "train", TRAIN, 0.0, "train.log"), {"event": "failed", "job": 2, "at": 4.0}]
    events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    watch.tick(True)
    watch.close()
    assert stream.getvalue().splitlines() == ["mine: Snippets", f"stopped: fine-tuning {NAME}"]


def test_a_failed_step_is_told_with_the_last_lines_of_its_last_try(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(
        "== noon\nold\n== one\n" + "".join(f"line {n}\n" for n in range(20)) + "5%\r 50%\r100%\r\n\x1b[1mlast\n"
    )
    step = {"rule": "train", "checkpoint": "a", "tries": 2, "reason": "last", "log": str(log)}
    write_json(tmp_path / "failed.json", {"failed": [step], "not_started": []})
    told = failures.told(tmp_path / "failed.json")
    assert told is not None
    lines = told.splitlines()
    assert lines[:3] == ["1 step failed:", "  train a: last", f"    {log}"]
    assert lines[3:-1] == [f"    | line {n}" for n in range(10, 20)] + ["    | 100%", "    |  [1mlast"]
    assert lines[-1] == "Correct what the log names and run the same command: it resumes from here."


SNAKEFILE = """
rule all:
    input: "page-of-mine"
rule check:
    output: "checked-{task}"
    log: "{task}.log"
    shell: "echo 'noise of a tool'; touch {output}"
rule report:
    input: "checked-a"
    output: "page-of-{study}"
    log: "report-{study}.log"
    shell: "echo 'Found: no disk' > {log}; exit 1"
"""
COMMAND = """
import os, sys
from pathlib import Path
from studies import load_grid
from workflow.engine import find_profile
from workflow.run import run_watched, snakemake
grid, events = load_grid("mine.yaml"), Path("events.jsonl")
words = snakemake("mine.yaml", grid, find_profile("local"), cores=1, events=events)
words[words.index("--snakefile") + 1] = "Snakefile"
with open("lock", "w") as lock:
    environment = {**os.environ, "PYTHONPATH": os.environ["WITH_PLUGINS"]}
    sys.exit(run_watched(words, environment, grid, lock.fileno(), events))
"""


def test_snakemake_is_watched_through_its_own_events(grid: Grid, tmp_path: Path) -> None:
    Path("Snakefile").write_text(SNAKEFILE)
    root = Path(__file__).resolve().parents[2]
    paths = {"PYTHONPATH": str(root), "WITH_PLUGINS": os.pathsep.join([str(root), str(PLUGINS)])}
    done = subprocess.run(
        [sys.executable, "-c", COMMAND], env={**os.environ, **paths}, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0] == "mine: Snippets", done.stderr
    assert lines[1].startswith("checked the data of a: ")
    assert lines[2:] == ["failed: making the page; its log: report-mine.log"]
    printed = (grid.folder / "logs" / "run.log").read_text()
    assert "noise of a tool" in printed
    assert "Error in rule report" in printed


def test_numbers_of_progress_are_short() -> None:
    from workflow.terminal.state import Progress

    assert measured(Progress("reading", "items", 1200, 9000, 31.26, {})) == "1,200/9,000 items, 31/s"
