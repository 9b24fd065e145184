"""The rows of a Parquet file that another program wrote, read as plain values within bounds."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.reading import MIB, Kind

MOST_ROWS = 5_000_000
_BATCH = 1024


def parquet_rows(content: bytes, path: str | Path, kind: Kind, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yields the rows in the ``content`` of ``path``, of ``columns`` those that there are; a nested one is `a.b`.

    Raises:
        UserError: it is no Parquet, damaged, or unpacked larger than the kind allows. No value is unpickled: Parquet
            holds none, and what other libraries note beside the schema is not looked at.
    """
    # Here, because it takes longer to load than `--help` may.
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        file = ParquetFile(pyarrow.BufferReader(content))
        about = file.metadata
        size = sum(about.row_group(number).total_byte_size for number in range(about.num_row_groups))
        if about.num_rows > MOST_ROWS or size > kind.limit_mib * MIB:
            raise UserError(f"{path} unpacks to {about.num_rows:,} rows and {size // MIB:,} MiB", kind.why, kind.mend)
        known = {column.path for column in (file.schema.column(i) for i in range(len(file.schema)))}
        wanted = [name for name in columns if any(path == name or path.startswith(f"{name}.") for path in known)]
        for batch in file.iter_batches(batch_size=_BATCH, columns=wanted):
            yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path} is no complete Parquet file ({reason})", kind.why, kind.mend) from None
