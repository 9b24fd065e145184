"""What statistics, facts and comparisons cost at scale, on made-up result files: processor seconds, seconds, memory.

python -m benchmarks.statistics --json
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from benchmarks.made_up import COMPARED_TASKS, write_models, write_scores, write_study

app = typer.Typer(add_completion=False)

_ROOT = Path(__file__).resolve().parent.parent
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

Row = dict[str, Any]
"""What was measured: `what`, and numbers by a name that ends in their unit."""


@app.command()
def main(
    items: Annotated[int, typer.Option(help="scored items a task, for statistics and facts")] = 13_470,
    models: Annotated[int, typer.Option(help="models of the comparison, 200 items a task")] = 1_000,
    part: Annotated[
        list[str] | None, typer.Option(help="statistics, facts, folders or models; repeatable; unset: all")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Prints what each part takes in a process of its own with one thread."""
    parts: dict[str, Callable[[Path], Iterator[Row]]] = {
        "statistics": lambda root: _statistics(root, items),
        "facts": lambda root: _facts(root, items),
        "folders": lambda root: _folders(root, items),
        "models": lambda root: _models(root, models),
    }
    rows: list[Row] = []
    for name in part or parts:
        with tempfile.TemporaryDirectory() as folder:
            for row in parts[name](Path(folder)):
                rows.append(row)
                if not as_json:
                    print(row["what"], *(f"{key} {value:g}" for key, value in row.items() if key != "what"), sep="  ")
    if as_json:
        print(json.dumps(rows, indent=2))


def _statistics(root: Path, items: int) -> Iterator[Row]:
    """Yields the intervals and tests of every metric of two models: those of SST-2's form, then those of SQuAD's."""
    for task in ("phrases_a", "passages_a"):
        for name, skill in (("base", 0.4), ("tuned", 0.5)):
            home = root / "scores" / name / task
            write_scores(home / "results.json", home / "samples.jsonl", name, (task,), items, skill)
        program = "import sys; from benchmarks.statistics import all_metrics; all_metrics(sys.argv[1], sys.argv[2])"
        yield _run(f"statistics of {task}, {items:,} items", [sys.executable, "-c", program, str(root), task])


def all_metrics(folder: str, task: str) -> None:
    """Computes each metric's intervals and its swap test of 10,000 draws; prints the processor's seconds as JSON."""
    from report.facts.measured import Measured
    from report.facts.pairing import paired
    from report.reading.results import read_scores
    from report.statistics import intervals, paired_tests

    read = [read_scores(Path(folder), name, task) for name in ("base", "tuned")]
    base, tuned = (Measured(scores, float(scores.metadata["scale"])) for scores in read if scores)
    began = time.process_time()
    for metric in base.scores.metrics:
        one, two = base.items(metric), tuned.items(metric)
        assert one is not None
        assert two is not None
        assert one.level.clusters == two.level.clusters
        pair = paired(one, two).encoded()
        intervals.difference(pair)
        paired_tests.swap_test(pair)
    print(json.dumps({"metrics": len(base.scores.metrics), "statistics_cpu_s": time.process_time() - began}))


def _facts(root: Path, items: int) -> Iterator[Row]:
    study = write_study(root, items)
    command = [sys.executable, "-m", "report", "build", str(study), "--facts-only"]
    yield _run(f"facts.json of a study: base and 9 checkpoints, 4 tasks, {items:,} items", command, root)


def _folders(root: Path, items: int) -> Iterator[Row]:
    from benchmarks.made_up import STUDY_TASKS

    write_models(root / "results", 10, STUDY_TASKS, items)
    command = [sys.executable, "-m", "report", "compare", str(root / "results"), "--output", str(root / "page")]
    yield _run(f"comparison of 10 result folders, 4 tasks, {items:,} items", command)


def _models(root: Path, models: int) -> Iterator[Row]:
    for tasks in (COMPARED_TASKS[:1], COMPARED_TASKS):
        home = root / str(len(tasks))
        write_models(home / "results", models, tasks, 200)
        command = [sys.executable, "-m", "report", "compare", str(home / "results"), "--output", str(home / "page")]
        what = f"comparison of {models:,} models, {len(tasks)} {'task' if len(tasks) == 1 else 'tasks'}, 200 items"
        yield _run(what, command) | _in_browser(home / "page" / "compare.html")


def _run(what: str, command: Sequence[str], folder: Path = _ROOT) -> Row:
    """Returns what ``command`` took; with the numbers that it prints as JSON, if it does."""
    environment = {**os.environ, **_ONE_THREAD, "PYTHONPATH": str(_ROOT)}
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        if os.waitstatus_to_exitcode(status):
            raise SystemExit(f"{what}: the command failed")
        output.seek(0)
        printed = output.read()
    more = json.loads(printed) if printed.startswith("{") else {}
    found = {"cpu_s": used.ru_utime + used.ru_stime, "wall_s": wall, "peak_mb": used.ru_maxrss / 1000}
    return {"what": what, **{key: round(value, 2) for key, value in {**found, **more}.items()}}


def _in_browser(page: Path) -> Row:
    """Returns when Chromium first paints ``page``, and how long a click on a leaderboard's head takes; nothing if none.

    The click is timed until its new order is on the screen: the median over its columns.
    """
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return {}
    if program is None:
        return {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        opened = browser.new_page(viewport={"width": 1280, "height": 800})
        opened.goto(page.as_uri())
        opened.wait_for_timeout(1000)
        paint = opened.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        clicks = opened.evaluate(_CLICKS)
        browser.close()
    return {"first_paint_ms": round(paint), "sort_ms": round(median(clicks)), "page_mb": page.stat().st_size / 1e6}


_CLICKS = """async () => {
  const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  const button = document.querySelector("th button"), heads = [...button.closest("tr").querySelectorAll("button")];
  button.scrollIntoView();
  await painted();
  const spent = [];
  for (const head of heads) {
    const began = performance.now();
    head.click();
    await painted();
    spent.push(performance.now() - began);
  }
  return spent;
}"""


if __name__ == "__main__":
    app()
