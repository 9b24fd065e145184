"""Files of other harnesses than lm_eval: which reader is whose, and what each calls its metrics."""

from functools import partial
from pathlib import Path
from typing import Any

from report.reading import every_eval_ever_records, inspect_logs, lighteval_results
from report.reading.harnesses import EVERY_EVAL_EVER, INSPECT, LIGHTEVAL, Translated
from report.statistics.metrics import known_as

ARCHIVE = ".eval"
"""What the name of Inspect's archives ends with."""

MARKS = (b'"task_id"', b'"evaluation_results"', b'"config_general"')
"""One of these stands in every JSON file of theirs."""


def translated_archive(content: bytes, file: Path) -> Translated:
    """Returns what one of Inspect's archives holds, translated; UserError where it cannot be used."""
    return inspect_logs.read_archive(content, file, partial(known_as, INSPECT))


def translated(value: Any, file: Path, root: Path) -> Translated | None:
    """Returns the results in the JSON ``value`` of ``file``, translated; None where it is no other harness's.

    ``root``: the folder below which files lie that belong to it.

    Raises:
        UserError: it is another harness's and cannot be used.
    """
    if inspect_logs.is_inspect(value):
        return inspect_logs.read_whole(value, file, partial(known_as, INSPECT))
    if every_eval_ever_records.is_every_eval_ever(value):
        return every_eval_ever_records.read_record(value, file, partial(known_as, EVERY_EVAL_EVER))
    if lighteval_results.is_lighteval(value):
        return lighteval_results.read_results(value, file, root, partial(known_as, LIGHTEVAL))
    return None
