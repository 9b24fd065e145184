"""The control's rows: each learns the target of another row, so that only format and label prior can be learnt."""

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

from harness_tasks.errors import UserError


def target_places(task: Any, docs: Sequence[dict[str, Any]], *, seed: int) -> list[int]:
    """Returns for each of ``docs`` the place of the document whose target it learns.

    Answers are exchanged within the task's clusters, since another passage does not hold them. Choices are exchanged
    over the whole set, among the documents that have as many: the items of a cluster often have one label, and a
    classifier learns from labels of which two thirds are still right (65 % of `reviews_demo`'s, exchanged within each
    film, where chance is 50 %).

    Raises:
        UserError: there is one document, which has no other to exchange with.
    """
    if len(docs) < 2:
        raise UserError(
            f"--shuffle-targets with {len(docs)} training row of {task.task_name}",
            "it has no other row to take a target from, and would learn its own",
            "train on more rows, or leave the option out",
        )
    if task.OUTPUT_TYPE != "multiple_choice":
        field = (task.config.metadata or {}).get("cluster")
        return exchanged([doc.get(field) if field else None for doc in docs], seed=seed)
    alike: dict[int, list[int]] = defaultdict(list)
    for place, doc in enumerate(docs):
        alike[len(task.doc_to_choice(doc))].append(place)
    found = list(range(len(docs)))
    for size, places in alike.items():
        for place, other in zip(places, exchanged([None] * len(places), seed=seed + size), strict=True):
            found[place] = places[other]
    return found


def exchanged(clusters: Sequence[Hashable | None], *, seed: int) -> list[int]:
    """Returns a permutation of the places 0.. that keeps each in its cluster, and none where it is.

    Those that are alone in their cluster, or have none, are exchanged among themselves; a single one of them, with the
    first cluster. What is exchanged is a row's target, whatever its value: where labels were to differ as well, a
    classifier of two labels would learn to be wrong. Each group's permutation is one random cycle (Sattolo 1986).

    >>> places = exchanged(["a", "a", "b", "b", None, "c"], seed=1)
    >>> places[:4], places[4:]
    ([1, 0, 3, 2], [5, 4])
    """
    members: dict[Hashable, list[int]] = defaultdict(list)
    for place, cluster in enumerate(clusters):
        if cluster is not None:
            members[cluster].append(place)
    groups = [places for places in members.values() if len(places) > 1]
    together = {place for places in groups for place in places}
    alone = [place for place in range(len(clusters)) if place not in together]
    if len(alone) > 1 or not groups:
        groups.append(alone)
    else:
        groups[0] = [*groups[0], *alone]
    draw = random.Random(f"targets/{seed}")
    found = list(range(len(clusters)))
    for places in groups:
        cycle = list(places)
        for last in range(len(cycle) - 1, 0, -1):
            other = draw.randrange(last)
            cycle[last], cycle[other] = cycle[other], cycle[last]
        for place, other in zip(places, cycle, strict=True):
            found[place] = other
    return found
