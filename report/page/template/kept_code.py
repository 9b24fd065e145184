"""Jinja's code of our own templates, kept beside them as Python keeps that of its modules.

To compile them takes a sixth of a build's time. What a study has of its own is compiled each time.
"""

import hashlib
import marshal
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

from jinja2.bccache import Bucket, BytecodeCache

from harness_tasks.files import write_bytes
from report.facts.current import program_digest
from report.page.template.lookup import OURS


class KeptCode(BytecodeCache):
    """The code of our templates in `__pycache__`, used only where everything that it was made of is the same.

    That is the template's text and place, this program, Jinja, Python, and ``made_with``, which tells one environment
    from another. A file that was changed is not used either. Where none can be written, none is kept.
    """

    def __init__(self, *made_with: str) -> None:
        self._made_with = "\0".join(made_with)

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """Returns the template's place."""
        return filename or name

    def get_source_checksum(self, source: str) -> str:
        """Returns the template's text, with all else that its code depends on."""
        return "\0".join([source, self._made_with, *_tools()])

    def load_bytecode(self, bucket: Bucket) -> None:
        """Gives ``bucket`` the code that is kept, if there is any that was made of the same."""
        if (place := self._place(bucket.key)) is None:
            return
        with suppress(OSError):
            kept = place.read_bytes()
            digest, code = kept[: hashlib.sha256().digest_size], kept[hashlib.sha256().digest_size :]
            if digest == _digest(bucket, code):
                bucket.code = marshal.loads(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps the code of ``bucket``, whole or not at all."""
        place = self._place(bucket.key)
        if place is None or sys.dont_write_bytecode:
            return
        code = marshal.dumps(bucket.code)
        with suppress(OSError):
            write_bytes(place, _digest(bucket, code) + code)

    def _place(self, template: str) -> Path | None:
        """Returns where the code of ``template`` is kept; None where it is none of ours."""
        if Path(template).parent != OURS:
            return None
        kind = hashlib.sha256(self._made_with.encode()).hexdigest()[:8]
        return Path(cache_from_source(template, optimization=kind)).with_suffix(".j2c")


@cache
def _tools() -> tuple[str, ...]:
    return program_digest(), version("jinja2"), MAGIC_NUMBER.hex()


def _digest(bucket: Bucket, code: bytes) -> bytes:
    return hashlib.sha256("\0".join([bucket.key, bucket.checksum, ""]).encode() + code).digest()
