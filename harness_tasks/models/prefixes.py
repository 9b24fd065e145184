"""Which beginnings a set of token sequences share, and so are worth reading once: a tree of them, and its leaves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

Tokens = Sequence[int]

LEAST_SAVED_TOKENS = 16
"""Tokens that a shared beginning must save to be read by itself, which costs a forward, and a copy for each sharer."""


@dataclass(eq=False)
class Node:
    """A shared beginning: ``tokens`` come after those of ``parent``, and end at position ``end`` of the sequence."""

    parent: "Node | None"
    tokens: list[int]
    end: int
    leaves: int = 0
    """Sequences below it, in nodes below it too."""

    @property
    def start(self) -> int:
        """The position of its first token."""
        return self.end - len(self.tokens)

    def path(self) -> list["Node"]:
        """Returns the nodes from the outermost to this one."""
        nodes: list[Node] = []
        node: Node | None = self
        while node:
            nodes.append(node)
            node = node.parent
        return nodes[::-1]


@dataclass(eq=False)
class Leaf:
    """One sequence: its place in what was given, what it shares, and its own tokens after that, at least one."""

    index: int
    node: Node | None
    tokens: list[int] = field(repr=False)

    @property
    def start(self) -> int:
        """The position of its first own token."""
        return self.node.end if self.node else 0

    @property
    def end(self) -> int:
        """The length of the whole sequence."""
        return self.start + len(self.tokens)


def share(sequences: Sequence[Tokens], own: Sequence[int], *, least: int = LEAST_SAVED_TOKENS) -> list[Leaf]:
    """Returns a leaf for each of ``sequences``, those that share a node next to each other.

    The last ``own[i]`` tokens of a sequence (at least 1) are never shared, so that its leaf reads them itself. A node
    is made where reading it once instead of once a branch saves ``least`` tokens or more.

    >>> [(leaf.index, leaf.start, leaf.tokens) for leaf in share([[1, 2, 3, 4], [5], [1, 2, 3, 6]], [1, 1, 1], least=3)]
    [(1, 0, [5]), (0, 3, [4]), (2, 3, [6])]
    """
    heads = [list(sequence[: len(sequence) - kept]) for sequence, kept in zip(sequences, own, strict=True)]
    order = sorted(range(len(heads)), key=heads.__getitem__)
    leaves: list[Leaf] = []
    waiting: list[tuple[list[int], Node | None, int]] = [(order, None, 0)] if order else []
    while waiting:
        group, node, known = waiting.pop()
        start = node.end if node else 0
        if len(group) == 1:
            leaves.append(Leaf(group[0], node, list(sequences[group[0]][start:])))
            continue
        common = _common(heads[group[0]], heads[group[-1]], known)
        branches = list(_branches(group, heads, common))
        if (len(branches) - 1) * (common - start) >= least:
            node = Node(node, heads[group[0]][start:common], common)
            start = common
        for branch in branches[::-1]:
            ended = len(heads[branch[0]]) == common
            waiting.append((branch, node, common if ended else common + 1))
    for leaf in leaves:
        for above in leaf.node.path() if leaf.node else ():
            above.leaves += 1
    return leaves


def _common(first: list[int], last: list[int], known: int) -> int:
    """Returns how many tokens the first and the last of a sorted group begin with alike, ``known`` of them for sure."""
    most = min(len(first), len(last))
    at = min(known, most)
    while at < most and first[at] == last[at]:
        at += 1
    return at


def _branches(group: list[int], heads: list[list[int]], common: int) -> Iterator[list[int]]:
    """Yields the parts of a sorted group that continue alike; a sequence that ends here is a part of its own."""
    part: list[int] = []
    for index in group:
        head = heads[index]
        goes_on = part and len(head) > common and len(heads[part[0]]) > common
        if part and not (goes_on and head[common] == heads[part[0]][common]):
            yield part
            part = []
        part.append(index)
    yield part
