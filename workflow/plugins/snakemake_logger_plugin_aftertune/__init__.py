"""Snakemake's events as lines of JSON in a file, which `aftertune run` reads to show how far its steps are.

Snakemake finds a logger by its package's name on the path; it runs within Snakemake, and imports nothing of ours.
"""

import json
from dataclasses import dataclass, field
from logging import LogRecord
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """The file to which events are added."""

    file: str | None = field(
        default=None, metadata={"help": "The file to which events are added.", "required": True, "type": str}
    )


class LogHandler(LogHandlerBase):
    """Writes what begins, ends and fails; other messages are Snakemake's own log's."""

    def emit(self, record: LogRecord) -> None:
        """Adds the event of a record to the file."""
        try:
            if content := _content(record.__dict__):
                assert isinstance(self.settings, LogHandlerSettings)
                line = json.dumps({"at": record.created, **content})
                with open(str(self.settings.file), "a", encoding="utf-8") as file:
                    file.write(line + "\n")
        except Exception:  # as `logging` has it: what shows a run never stops it
            self.handleError(record)

    @property
    def writes_to_stream(self) -> bool:
        """Whether Snakemake's own log to stderr is replaced: no."""
        return False

    @property
    def writes_to_file(self) -> bool:
        """Whether Snakemake is to name the file as its log: no."""
        return False

    @property
    def has_filter(self) -> bool:
        """Whether events are chosen here: `--quiet` hides none."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Whether events get their form here."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """Whether the graph of rules is needed: no."""
        return False


def _content(record: dict[str, Any]) -> dict[str, Any] | None:
    """Returns what is kept of an event; None where it is one that nobody reads."""
    event = record.get("event")
    if event == LogEvent.RUN_INFO:
        return {"event": "planned", "rules": {str(rule): int(n) for rule, n in record["stats"].items()}}
    if event == LogEvent.JOB_INFO:
        wildcards = {str(name): str(value) for name, value in dict(record["wildcards"] or {}).items()}
        log = str(record["log"][0]) if record["log"] else None
        return {"event": "started", "job": record["jobid"], "rule": record["rule_name"], "of": wildcards, "log": log}
    if event == LogEvent.JOB_FINISHED:
        return {"event": "finished", "job": record["job_id"]}
    if event == LogEvent.JOB_ERROR:
        return {"event": "failed", "job": record["jobid"]}
    return None
