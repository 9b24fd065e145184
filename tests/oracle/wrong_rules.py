"""Wrong rules: the Python of `report/sentences/` with one fault each, made from its syntax tree."""

import ast
import copy
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

MODULES = [
    import_module(name)
    for name in (
        "report.page.arranged",
        "report.sentences.rules",
        "report.sentences.verdicts",
        "report.sentences.causes",
        "report.sentences.simpler_means",
        "report.sentences.controls",
        "report.sentences.retention",
        "report.sentences.limits",
        "report.sentences.parameters",
        "report.sentences.merges",
        "report.sentences.summary",
        "report.sentences",
    )
]
"""Each after those that it imports from."""
ARRANGED = MODULES[0]
TEMPLATES = import_module("report.page.template.environment")
_FILTERS = ARRANGED.FILTERS
"""What templates were given of it: these very filters are made wrong, and right again."""

_OTHER_OPERATOR: dict[type[ast.cmpop], list[type[ast.cmpop]]] = {
    ast.Gt: [ast.Lt, ast.GtE],
    ast.Lt: [ast.Gt, ast.LtE],
    ast.GtE: [ast.LtE],
    ast.LtE: [ast.GtE, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}


@dataclass(frozen=True)
class Fault:
    """One way to make a module wrong."""

    kind: str
    module: ModuleType
    line: int
    before: str
    after: str
    number: int
    """Of the changed node in the module's syntax tree, as `ast.walk` counts."""
    change: Callable[[ast.AST], None]

    def tree(self) -> ast.Module:
        """Returns the syntax tree of the wrong module."""
        tree = _tree(self.module)
        self.change(list(ast.walk(tree))[self.number])
        return ast.fix_missing_locations(tree)

    def __str__(self) -> str:
        return f"{self.kind}, {self.module.__name__}:{self.line}: {self.before}  ->  {self.after}"


def faults(seed: int) -> list[Fault]:
    """Returns every fault that can be made, in an order drawn with ``seed``."""
    found = [fault for module in MODULES for fault in _faults_of(module)]
    random.Random(seed).shuffle(found)
    return found


def _faults_of(module: ModuleType) -> Iterator[Fault]:
    for number, node in enumerate(ast.walk(_tree(module))):
        for kind, change in _changes(node):
            wrong = copy.deepcopy(node)
            change(wrong)
            before, after = ast.unparse(node)[:200], ast.unparse(wrong)[:200]
            yield Fault(kind, module, getattr(node, "lineno", 0), before, after, number, change)


def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], None]]]:
    """Yields (kind, what makes a copy of ``node`` wrong)."""
    if isinstance(node, ast.Compare):
        for operator in _OTHER_OPERATOR[type(node.ops[0])]:
            yield "comparison", _set("ops", [operator(), *node.ops[1:]])
    elif isinstance(node, ast.BoolOp):
        yield "and for or", _set("op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for i in range(len(node.values)):
            kept = [value for j, value in enumerate(node.values) if j != i]
            yield "dropped condition", _set("values", kept if len(kept) > 1 else kept * 2)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        yield "sum for difference", _set("op", ast.Add())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "negated condition", _twice
    elif isinstance(node, ast.If | ast.IfExp):
        yield "negated condition", _set("test", ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Dict):
        yield from _dict_changes(node)
    elif isinstance(node, ast.Tuple | ast.List) and len(node.elts) > 1:
        if all(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in node.elts):
            for i in range(len(node.elts)):
                yield "sibling slot", _set("elts", _replaced(node.elts, i, node.elts[i - 1]))
    elif isinstance(node, ast.DictComp) and isinstance(node.value, ast.JoinedStr):
        for source in (node.generators[0].iter,):
            if isinstance(source, ast.Tuple) and isinstance(source.elts[0], ast.Constant):
                for part in source.elts:
                    wrong = ast.IfExp(
                        ast.Compare(node.key, [ast.Eq()], [part]), _with_last(node.value, source.elts, part), node.value
                    )
                    yield "wrong slot", _set("value", wrong)


def _dict_changes(node: ast.Dict) -> Iterator[tuple[str, Callable[[ast.AST], None]]]:
    texts = [i for i, value in enumerate(node.values) if isinstance(value, ast.JoinedStr)]
    for one, two in pairwise(texts):
        values = list(node.values)
        values[one], values[two] = values[two], values[one]
        yield "slots exchanged", _set("values", values)
    names = [key.value for key in node.keys if isinstance(key, ast.Constant)]
    cases = [value for value in node.values if isinstance(value, ast.Compare | ast.BoolOp | ast.Name | ast.UnaryOp)]
    if len(names) == len(node.keys) == len(cases) > 1:
        for i in range(len(names) - 1):
            keys = list(node.keys)
            keys[i], keys[i + 1] = keys[i + 1], keys[i]
            yield "wrong case", _set("keys", keys)


def _set(name: str, value: object) -> Callable[[ast.AST], None]:
    return lambda node: setattr(node, name, copy.deepcopy(value))


def _twice(node: ast.AST) -> None:
    """Takes a `not` out by another one."""
    assert isinstance(node, ast.UnaryOp)
    node.operand = ast.UnaryOp(ast.Not(), node.operand)


def _replaced(parts: list[ast.expr], i: int, other: ast.expr) -> list[ast.expr]:
    return [*parts[:i], other, *parts[i + 1 :]]


def _with_last(pointer: ast.JoinedStr, names: list[ast.expr], part: ast.expr) -> ast.JoinedStr:
    """Returns the pointer whose last step is that of another name."""
    other = names[(names.index(part) + 1) % len(names)]
    return ast.JoinedStr([*pointer.values[:-1], ast.FormattedValue(other, -1)])


@contextmanager
def planted(fault: Fault) -> Iterator[None]:
    """Runs the package with the fault in it: the module anew, and then each that imports from it."""
    saved, right = [dict(module.__dict__) for module in MODULES], dict(_FILTERS)
    try:
        for module in MODULES[MODULES.index(fault.module) :]:
            wrong = fault.tree() if module is fault.module else _tree(module)
            exec(compile(wrong, str(module.__file__), "exec"), module.__dict__)
        _give(ARRANGED.FILTERS)
        yield
    finally:
        for module, content in zip(MODULES, saved, strict=True):
            module.__dict__.clear()
            module.__dict__.update(content)
        _give(right)


def _give(filters: Mapping[str, Any]) -> None:
    """Has templates use these filters."""
    if filters != _FILTERS:
        _FILTERS.update(filters)
        TEMPLATES._environment.cache_clear()
