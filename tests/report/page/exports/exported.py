"""What was exported, read again."""

import json
from typing import Any

from report.page.exports.every_eval_ever import records
from tests.report.synthetic import typed


def as_records(facts: dict[str, Any]) -> dict[str, Any]:
    """Returns the records of Every Eval Ever by their names."""
    return {name: json.loads(text) for name, text in records(typed(facts)).items()}
