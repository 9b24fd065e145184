"""Python's search for cycles of objects, put off while very many objects are made that have none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_search_for_cycles() -> Iterator[None]:
    """Stops the search within the block.

    It starts over whenever enough objects were made, and looks at all that there are: of the rows of a hundred sample
    files, all alive, it made the reading take four times as long; of imported modules, a fifth of the start.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
