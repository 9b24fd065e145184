"""What a real run prints off a terminal: few lines, the steps' own words, and nothing of Snakemake's."""

import re
import subprocess

import pytest

from tests.workflow.conftest import House
from tests.workflow.test_rerun import changed

ENGINE = re.compile(r"snakemake|localrule|^rule |jobid|wildcards", re.IGNORECASE | re.MULTILINE)


def printed(done: subprocess.CompletedProcess[str]) -> list[str]:
    text = done.stdout + done.stderr
    assert not ENGINE.search(text), text
    return text.splitlines()


@pytest.mark.slow
def test_a_run_is_a_line_for_each_step_and_its_result(house: House) -> None:
    for file in ("parameters/base.json", "facts.json"):  # what is needed for the other, so that both are made
        (house.build / file).unlink()
    done = house.run()
    assert done.returncode == 0, done.stderr
    lines = printed(done)
    assert lines[:2] == ["build/tiny/report.html", "tiny: A random model, to try the machinery"]
    assert re.fullmatch(r"counted the parameters of base: [\d,]+, \d+ s", lines[2])
    steps = [line for line in lines if line.startswith(("counted", "made"))]
    assert len(steps) == 2
    assert [line.split(",")[0] for line in lines[-2:]] == ["On reviews_demo", "On passages_demo"]
    assert len(lines) <= 10  # a line a minute, where the machine is slow
    assert (house.build / "logs" / "run.log").read_text().count("localrule parameters") == 1


@pytest.mark.slow
def test_a_failed_step_is_told_with_the_last_lines_of_its_log(house: House) -> None:
    with changed(house.study, "  reviews_demo:\n", "  reviews_dmeo:\n"):
        failed = house.run()
    assert failed.returncode == 1
    lines = printed(failed)
    assert "failed: checking the data of reviews_dmeo; its log: build/tiny/logs/check/reviews_dmeo.log" in lines
    at = lines.index("    build/tiny/logs/check/reviews_dmeo.log")
    assert lines[at - 1].startswith("  check reviews_dmeo: there is no task 'reviews_dmeo'")
    shown = [line for line in lines[at + 1 :] if line.startswith("    | ")]
    assert any(line.startswith("    | Found: there is no task 'reviews_dmeo'") for line in shown)
    assert any(line.startswith("    | To mend it: ") for line in shown)
    assert any(line.endswith("The same command resumes from here.") for line in lines)


@pytest.mark.slow
def test_all_that_is_printed_is_shown_where_that_is_asked_for(house: House) -> None:
    (house.build / "parameters" / "base.json").unlink()
    done = house.run("-v")
    assert done.returncode == 0, done.stderr
    assert "localrule parameters:" in done.stdout + done.stderr
    assert "counted the parameters" not in done.stderr
