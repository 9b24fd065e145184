"""The benchmark's arithmetic and words by hand, and its turns with a tiny model; TRL itself is not needed."""

from pathlib import Path

import pytest

from benchmarks.contenders import check_trl
from benchmarks.equality import Equality
from benchmarks.finetune import equality_text, missed, speed_text
from benchmarks.turns import Measured, Pass, measure
from finetune.recipe import Recipe
from finetune.run import Run
from harness_tasks.errors import UserError


def passes(*seconds: float) -> tuple[Pass, ...]:
    """Returns a pass of 8 rows in 2 steps for each time that it takes."""
    return tuple(Pass(seconds=s, steps=2, rows=8, supervised_tokens=16, positions=80) for s in seconds)


OURS = Measured("aftertune", None, passes(1.0, 2.0, 1.0))


def test_speed_is_the_median_over_passes_and_ratios_are_paired() -> None:
    other = Measured("trl", None, passes(4.0, 10.0, 3.0))
    assert OURS.rows_a_second == 8.0
    assert other.rows_a_second == 2.0
    assert OURS.ratios(other) == pytest.approx([4.0, 5.0, 3.0])
    assert other.total == Pass(seconds=17.0, steps=6, rows=24, supervised_tokens=48, positions=240)


def test_the_table_says_what_a_step_holds_and_what_is_missed() -> None:
    measured = [OURS, Measured("trl", None, passes(4.0, 8.0, 2.0)), Measured("script", 128, passes(2.0, 4.0, 2.0))]
    assert missed(measured) == ["2.00 times faster than padded to 128, scripts' default, to be 2.5"]
    table = speed_text(measured, task="reviews_demo", dtype="float32")
    assert "reviews_demo, 8 rows, 3 passes, float32" in table
    trl = next(line for line in table.splitlines() if line.startswith("TRL's SFTTrainer"))
    assert trl.split()[2:6] == ["2.00", "4.0", "8.0", "10.0"]
    assert trl.endswith("4.00 (2.00 to 4.00) times faster")
    assert table.endswith("MISSED: 2.00 times faster than padded to 128, scripts' default, to be 2.5\n")


def test_no_target_is_set_on_another_task() -> None:
    assert "MISSED" not in speed_text(
        [OURS, Measured("trl", None, passes(1, 2, 1))], task="passages_demo", dtype="float32"
    )


def test_losses_that_differ_by_more_than_a_thousandth_are_not_equal() -> None:
    equal = Equality("t", 4.0, (2.0, 1.0), (2.0009, 1.0), 1e-6)
    assert equal.holds
    assert "The losses are equal to 0.001: they differ by 9.0e-04 at most." in equality_text(equal)
    apart = Equality("t", 4.0, (2.0, 1.0), (2.0, 1.0011), 1e-6)
    assert not apart.holds
    assert "The losses are NOT equal to 0.001" in equality_text(apart)
    assert not Equality("t", 4.0, (float("nan"),), (1.0,), 1e-6).holds


def test_another_trl_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.contenders.importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError) as error:
        check_trl()
    assert str(error.value).splitlines() == [
        "Found: TRL 1.16.0 is not installed (found: none)",
        "Why it matters: its SFTTrainer is what ours is compared with",
        "To mend it: pip install --group bench",
    ]


@pytest.mark.slow
def test_contenders_take_turns_and_train_on_every_row_once_a_pass(tiny_model: Path) -> None:
    run = Run(
        str(tiny_model), "reviews_demo", Path("unused"), recipe=Recipe(batch_size=4), dtype="float32", train_rows=24
    )
    ours, padded = measure(run, passes=2, kinds=("aftertune", "longest"))
    assert [one.rows for one in ours.passes + padded.passes] == [24] * 4
    assert [one.steps for one in ours.passes + padded.passes] == [6] * 4
    assert ours.total.supervised_tokens == padded.total.supervised_tokens
    assert padded.total.positions == 48 * (padded.width or 0)
    assert ours.total.positions < padded.total.positions
