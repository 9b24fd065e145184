"""Of which kind a task is: by its own labels, and not by those that a limited run happens to hold."""

import json
from pathlib import Path
from typing import Any

import pytest

from report.page.whole import collect
from studies import load_study
from tests.report.synthetic import ALWAYS_POSITIVE, TWO_WRONG, folder_of, write_study

FIVE = ["1", "2", "3", "4", "5"]


def kind(tmp_path: Path, metadata: dict[str, Any], **configuration: Any) -> str:
    """Returns the kind of a task whose items hold the labels 0 and 1 alone."""
    study = write_study(tmp_path, reviews=(ALWAYS_POSITIVE, TWO_WRONG), passages=(None, None), tasks={"reviews": {}})
    for file in folder_of(study).glob("scores/*/reviews/results.json"):
        content = json.loads(file.read_text())
        task = content["configs"]["reviews"]
        task["metadata"] |= metadata
        file.write_text(json.dumps(content | {"configs": {"reviews": task | configuration}}))
    return str(collect(load_study(study), study, folder_of(study)).tasks[0].kind)


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ({"metadata": {"labels": ["no", "yes"]}}, "classification"),
        ({"metadata": {"labels": FIVE}}, "other"),
        ({"metadata": {"labels": None}, "doc_to_choice": FIVE}, "other"),
        ({"metadata": {"labels": None}, "doc_to_choice": ["no", "yes"]}, "classification"),
        ({"metadata": {"labels": None}}, "classification"),
    ],
)
def test_two_labels_in_a_limited_run_of_five_are_no_task_of_two(
    tmp_path: Path, configuration: dict[str, Any], expected: str
) -> None:
    assert kind(tmp_path, **configuration) == expected
