"""`aftertune compare` as a command: what it prints and writes, exit codes, gates, and two versions of a study."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from report.commands.compare import compare
from report.facts.current import sealed
from tests.report.compare.lm_eval_folders import right, write_folder, write_study

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(compare)


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def two(root: Path, before: list[float], after: list[float], **options: Any) -> list[Path]:
    for name, items in (("old", before), ("new", after)):
        write_folder(root / name, "mine", {"even": items}, **options)
    return [root / "old", root / "new"]


def test_markdown_on_stdout_json_on_request_and_files_where_asked(tmp_path: Path) -> None:
    paths = two(tmp_path, right(10, 100), right(90, 100))
    done = run(*paths)
    assert done.exit_code == 0
    assert done.stdout.startswith("# Models side by side\n")
    assert "figures/" not in done.stdout
    facts = json.loads(run(*paths, "--json").stdout)
    assert facts["schema"] == "aftertune-comparison/1"
    done = run(*paths, "--output", tmp_path / "page")
    names = ["compare.json", "compare.md", "compare.html", "figures/compare-1.svg"]
    assert done.stdout.split() == [str(tmp_path / "page" / name) for name in names]
    assert json.loads((tmp_path / "page" / "compare.json").read_text()) == facts
    first = {name: (tmp_path / "page" / name).read_bytes() for name in names}
    run(*paths, "--output", tmp_path / "page")
    assert {name: (tmp_path / "page" / name).read_bytes() for name in names} == first


def test_a_fall_that_the_interval_proves_fails(tmp_path: Path) -> None:
    done = run(*two(tmp_path, right(90, 100), right(70, 100)), "--fail-on-regression", "even:acc")
    assert done.exit_code == 1
    # 20 of 100 items fell: the jackknife's error of the mean of 20 × −1 and 80 × 0 is √(0.2 × 0.8 / 99) = 0.0402,
    # and t(99) = 1.984.
    said = "regression on even, acc: mine (new) minus mine (old) is −0.200 [−0.280, −0.120]"
    assert done.stderr.strip() == said
    assert "**regression**" in done.stdout


@pytest.mark.parametrize(("before", "after"), [(90, 88), (90, 90), (70, 90)])
def test_a_fall_within_the_interval_passes(tmp_path: Path, before: int, after: int) -> None:
    # The point falls by 0.02, its interval [−0.048, +0.008] holds 0.
    done = run(*two(tmp_path, right(before, 100), right(after, 100)), "--fail-on-regression", "even:acc")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "no regression" in done.stdout


def test_where_less_is_better_more_is_the_regression(tmp_path: Path) -> None:
    paths = two(tmp_path, right(10, 100), right(40, 100), metric="brier", better=False)
    assert run(*paths, "--fail-on-regression", "even:brier").exit_code == 1
    assert run(*reversed(paths), "--fail-on-regression", "even:brier").exit_code == 0


def test_a_gate_acts_unpaired_too(tmp_path: Path) -> None:
    paths = two(tmp_path, right(90, 100), right(60, 100), samples=False)
    done = run(*paths, "--fail-on-regression", "even:acc,none")
    assert done.exit_code == 1
    assert "unpaired: no samples of both" in done.stdout


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("evn:acc", "names no task of these results (even)"),
        ("even:ac", "names no metric of these results (acc)"),
        ("even", "names no task of these results (even)"),
    ],
)
def test_a_gate_on_nothing_is_an_error_that_names_the_nearest(tmp_path: Path, gate: str, said: str) -> None:
    done = run(*two(tmp_path, right(3, 4), right(3, 4)), "--fail-on-regression", gate)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "such as " in done.stderr


def test_a_gate_that_cannot_tell_lets_nothing_pass(tmp_path: Path) -> None:
    write_folder(tmp_path / "old", "mine", {"even": right(3, 4)})
    write_folder(tmp_path / "new", "mine", {"even": right(3, 4)}, version=2.0)
    done = run(tmp_path / "old", tmp_path / "new", "--fail-on-regression", "even:acc")
    assert done.exit_code == 2
    assert "cannot be set against mine (old) on even, acc: the task's version differs: 2.0 and 1.0" in done.stderr
    done = run(tmp_path / "old", "--fail-on-regression", "even:acc")
    assert done.exit_code == 2
    assert "no baseline (it is the first argument's, of a single one `base`)" in done.stderr


def test_a_guarded_model_that_is_gone_is_an_error(tmp_path: Path) -> None:
    old = write_study(tmp_path / "old", {"base": {"even": right(1, 4)}, "tuned": {"even": right(3, 4)}})
    new = write_study(tmp_path / "new", {"base": {"even": right(1, 4)}})
    done = run(old, new, "--fail-on-regression", "even:acc")
    assert done.exit_code == 2
    assert "nothing later has the name of tuned" in done.stderr


def test_within_one_study_the_base_is_the_baseline(tmp_path: Path) -> None:
    study = write_study(tmp_path / "trial", {"base": {"even": right(90, 100)}, "tuned": {"even": right(40, 100)}})
    done = run(study, "--fail-on-regression", "even:acc")
    assert done.exit_code == 1
    assert "tuned minus base" in done.stderr


def test_two_versions_of_a_study_say_what_changed(tmp_path: Path) -> None:
    scores = {"base": {"even": right(10, 100)}, "tuned": {"even": right(90, 100)}}
    old = write_study(tmp_path / "old", scores)
    later = {**scores, "tuned": {"even": right(70, 100)}, "extra": {"even": right(80, 100)}}
    new = write_study(tmp_path / "new", later, learning_rate=0.001, peft="0.21.2", seeds=[1, 2])
    found = json.loads(run(old, new, "--json").stdout)["versions"]
    changed = {
        (row["part"]["value"], row["what"]["value"]): (row["before"]["value"], row["after"]["value"])
        for row in found["settings"]
    }
    assert changed == {
        ("study", "seeds"): (1, "1, 2"),
        ("recipe", "learning_rate"): (0.0005, 0.001),
        ("version", "peft"): ("0.21.0", "0.21.2"),
    }
    assert [name["value"] for name in found["new"]] == ["extra"]
    assert found["gone"] == []
    rows = {row["checkpoint"]["value"]: row for row in found["scores"]}
    assert (rows["base"]["verdict"], rows["tuned"]["verdict"]) == ("equal", "worse")
    assert rows["tuned"]["difference"]["value"] == pytest.approx(-0.2)
    # 20 items broke and none was mended: McNemar 2 / 2^20, twice that after Holm's correction over two.
    assert rows["tuned"]["adjusted"]["value"] == pytest.approx(4 / 2**20)
    markdown = run(old, new).stdout
    assert "| recipe | tuned | learning_rate | 0.0005 | 0.001 |" in markdown
    assert "Only in the later version: extra." in markdown


def test_two_studies_of_a_grid_are_no_versions_of_each_other(tmp_path: Path) -> None:
    paths = [write_study(tmp_path / name, {"base": {"even": right(1, 4)}}) for name in ("small", "large")]
    for path in paths:
        facts = json.loads((path / "facts.json").read_text())
        facts["study"]["name"]["value"] = f"both/{path.name}"
        (path / "facts.json").write_text(json.dumps(sealed(facts)))
    assert json.loads(run(*paths, "--json").stdout)["versions"] is None


def test_versions_without_a_change_say_so(tmp_path: Path) -> None:
    paths = [write_study(tmp_path / name, {"base": {"even": right(1, 4)}}) for name in ("old", "new")]
    assert "Nothing that the two records of facts hold" in run(*paths).stdout
    (paths[1] / "facts.json").write_text("{}")
    done = run(*paths)
    assert done.exit_code == 2
    assert "holds no facts of a study" in done.stderr


def test_an_error_leaves_no_file(tmp_path: Path) -> None:
    file = write_folder(tmp_path / "old", "mine", {"even": right(3, 4)})
    file.write_text(file.read_text()[:-50])
    done = run(tmp_path / "old", "--output", tmp_path / "page")
    assert done.exit_code == 2
    assert "is not complete JSON" in done.stderr
    assert not (tmp_path / "page").exists()
