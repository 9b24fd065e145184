"""torch's report on this machine, which lm_eval records with its results."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from unittest import mock


@contextmanager
def reported_early() -> Iterator[None]:
    """Asks for torch's report on the machine now, which lm_eval records after scoring: half a second of other programs.

    They run beside the imports, which keep one core busy, and not after all else is done. To be entered well before
    `harness_tasks.machine.fast_threads`, which they would mislead.
    """
    from torch.utils import collect_env

    pool = ThreadPoolExecutor(1)
    report = pool.submit(collect_env.get_pretty_env_info)
    pool.shutdown(wait=False)
    with mock.patch.object(collect_env, "get_pretty_env_info", report.result):
        yield
