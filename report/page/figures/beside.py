"""Drawing in a process of its own while the text is written: to load matplotlib takes as long as all of that."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from report.page.figures import Picture, pictures


def begun(facts: Mapping[str, Any]) -> Callable[[], dict[str, Picture]]:
    """Begins to draw the page's figures, and returns what waits for them and returns them by file name.

    They are drawn here, when they are waited for, where a second process gains nothing or is no safe copy of this one:
    with one core, without fork, or once numpy is loaded, which has threads of its own and is most of what takes long.
    """
    can_fork = "fork" in multiprocessing.get_all_start_methods() and sys.platform != "darwin"
    if "numpy" in sys.modules or not can_fork or (os.cpu_count() or 1) < 2:
        return lambda: pictures(facts)
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
    waiting = pool.submit(pictures, facts)
    pool.shutdown(wait=False)
    return waiting.result
