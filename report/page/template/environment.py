"""What templates run in: a sandbox in which every text is escaped and every name has to be one of the facts'."""

import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, Undefined, nodes, pass_eval_context
from jinja2.compiler import Frame
from jinja2.defaults import DEFAULT_FILTERS
from jinja2.loaders import FunctionLoader
from jinja2.runtime import markup_join
from jinja2.sandbox import ImmutableSandboxedEnvironment

from harness_tasks.errors import UserError
from harness_tasks.messages import nearest_name
from report.facts.schema.parts import Part, is_known
from report.page import formats
from report.page.arranged import FILTERS as ARRANGED
from report.page.template.budget import (
    BUDGET,
    LONGEST_LIST,
    Budget,
    Counting,
    TooMuchError,
    check_operation,
    spend,
)
from report.page.template.kept_code import KeptCode
from report.page.template.lookup import OURS, source
from report.page.template.words import refuse_own_words

PLAIN_FILTERS = ("first", "join", "last", "length", "list", "map", "rejectattr", "selectattr", "sort", "trim", "unique")
"""Jinja's own filters that are left: none that gives text out unescaped, by chance, or as code."""

_VALUES: ContextVar[Mapping[str, Any]] = ContextVar("values")
"""What the template that is being filled may name."""


class Checking(Counting):
    """Jinja's compiler, which refuses a template of ours that holds a claim or a numeral of its own."""

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:
        """Writes the code of a template; raises UserError, see `refuse_own_words`."""
        assert isinstance(self.environment, Environment)
        if self.filename and (path := Path(self.filename)).parent != self.environment.own:
            refuse_own_words(path, node)
        super().visit_Template(node, frame)


class Environment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which a name behind a dot is always a key of the facts."""

    own: Path | None = None
    code_generator_class = Checking
    intercepted_binops = frozenset({"*", "**", "+", "%"})

    def step(self) -> None:
        """Counts a step of the template that is being filled; raises where there are too many."""
        if budget := BUDGET.get():
            budget.step()

    def put_together(self, parts: tuple[Any, ...]) -> Any:
        """Returns what `~` makes of ``parts``."""
        spend(parts)
        return markup_join(parts)

    @staticmethod
    def concat(parts: Iterable[str]) -> str:
        """Returns the text of a template, a macro or a block."""
        made = list(parts)
        spend(made)
        return "".join(made)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Returns the result of an operation; raises where it would be larger than a page can need."""
        check_operation(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Returns whether a template may have an attribute: of a loop, a macro or a template, never of a value."""
        is_value = isinstance(obj, str | bytes | int | float | list | tuple | set)
        return not is_value and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """Returns nothing: a text's `format` is as little to be had as its other methods."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Returns the fact ``attribute`` of ``obj``; never a method that happens to have that name."""
        return self.getitem(obj, attribute) if isinstance(obj, Part | Mapping) else super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Returns the fact at ``argument`` of ``obj``; an unknown name where there is none."""
        if isinstance(obj, Part):
            return getattr(obj, argument) if argument in obj else self.undefined(obj=obj, name=argument)
        if isinstance(obj, Mapping):
            return obj[argument] if argument in obj else self.undefined(obj=obj, name=argument)
        return super().getitem(obj, argument)


class Unknown(StrictUndefined):
    """A name that is not among the facts: whatever a template does with it is an error that says which is meant."""

    @property
    def _undefined_message(self) -> str:
        values = _VALUES.get({})
        owner, name = self._undefined_obj, str(self._undefined_name)
        is_nested = isinstance(owner, Part | Mapping)
        if self._undefined_hint or not (is_nested or isinstance(owner, type(_TOP))):
            return str(super()._undefined_message)
        place = _place(values, owner) if is_nested else ""
        nearest = nearest_name(name, sorted(_names(owner if is_nested else values)), cutoff=0)
        hint = f"; the nearest one is `{place}{nearest}`" if nearest else ""
        return f"there is no fact `{place}{name}`{hint}"


_TOP = Undefined()._undefined_obj
"""What Jinja has in the place of the owner of a name that stands by itself."""


def environment(
    finalize: Callable[[Any], Any],
    *,
    own: Path | None = None,
    filters: Mapping[str, Callable[..., Any]] | None = None,
) -> Environment:
    """Returns what fills templates: those in ``own`` before ours.

    ``finalize`` escapes what a template shows; ``filters`` take the place of the page's filters of the same names.
    One of ours that holds a claim or a numeral of its own is not loaded: see `refuse_own_words`.
    The same arguments give the same one: to compile a template takes longer than to fill it.
    """
    return _environment(finalize, own, tuple((filters or {}).items()))


@cache
def _environment(
    finalize: Callable[[Any], Any], own: Path | None, filters: tuple[tuple[str, Callable[..., Any]], ...]
) -> Environment:
    def load(name: str) -> tuple[str, str, Callable[[], bool]]:
        text, path = source(name, own)
        return text, str(path), lambda: source(name, own) == (text, path)

    made = Environment(
        loader=FunctionLoader(load),
        undefined=Unknown,
        autoescape=True,
        finalize=_strict(finalize),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Constants are shown as the code is made, so that what shows them is part of it.
        bytecode_cache=KeptCode(f"{finalize.__module__}.{finalize.__qualname__}", *sorted(name for name, _ in filters)),
    )
    made.own = own
    # No globals: what is on a page comes from the facts alone, and is the same each time.
    made.globals.clear()
    kept = {name: made.filters[name] for name in PLAIN_FILTERS}
    kept["join"] = _join
    made.filters = {
        name: _strict(show) for name, show in {**formats.FILTERS, **ARRANGED, **dict(filters)}.items()
    } | kept
    made.tests["known"] = _strict(is_known)
    return made


def filled(made: Environment, name: str, values: Mapping[str, Any]) -> str:
    """Returns the template ``name`` filled with ``values``.

    Raises:
        UserError: a template of the study's own cannot be filled; what is wrong in ours is a mistake of this program.
    """
    before, budget = _VALUES.set(values), BUDGET.set(Budget())
    try:
        return made.get_template(name).render(values)
    except (
        TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError, MemoryError, SyntaxError
    ) as error:  # fmt: skip
        line = _line(error, made.own)
        if line is None or isinstance(error, UserError):
            raise
        raise UserError(
            f"{line}: {str(error) or type(error).__name__}",
            "the page would have a hole there",
            _remedy(error, made),
        ) from error
    finally:
        _VALUES.reset(before)
        BUDGET.reset(budget)


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns ``function`` so that an unknown name among what it is given is that name's own error."""

    def called(*arguments: Any, **options: Any) -> Any:
        for argument in arguments:
            _fail_where_unknown(argument)
        return function(*arguments, **options)

    return called


def _fail_where_unknown(value: Any) -> None:
    if isinstance(value, Undefined):
        str(value)  # raises
    elif isinstance(value, list | tuple):
        for part in value:
            _fail_where_unknown(part)


def _line(error: BaseException, own: Path | None) -> str | None:
    """Returns the file and line of the study's own template where ``error`` arose; None where it arose in ours."""
    if own is None:
        return None
    if isinstance(error, TemplateSyntaxError) and (error.filename or error.name):
        # Of some faults Jinja tells the template's name alone.
        path = Path(error.filename) if error.filename else source(str(error.name), own)[1]
        return f"{path}, line {error.lineno}" if path.parent == own else None
    lines, trace = [], error.__traceback__
    while trace:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.parent == own:
            lines.append(f"{path}, line {trace.tb_lineno}")
        trace = trace.tb_next
    if lines:
        return lines[-1]
    # One of ours may import a macro that the study's own template of that name has no more, or in another form.
    lacking = re.search(r"^the template '([^']+)' .* does not export|^macro '", str(error))
    if lacking and (lacking[1] is None or (own / lacking[1]).is_file()):
        return str(own / lacking[1]) if lacking[1] else f"a template in {own}"
    # Python or Jinja gave up before there was a line: too many brackets, a number of thousands of digits.
    is_nowhere = isinstance(error, RecursionError | MemoryError | SyntaxError | ValueError)
    ours = any(Path(frame.filename).parent == OURS for frame in traceback.extract_tb(error.__traceback__))
    return f"a template in {own}" if is_nowhere and not ours else None


@pass_eval_context
def _join(context: Any, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> Any:
    """Returns the parts of ``value`` put together, ``d`` between them: Jinja's own filter, of what is not too long."""
    parts = list(value)
    spend([*parts, *[d] * (len(parts) - 1)] if len(parts) <= LONGEST_LIST else ())
    return DEFAULT_FILTERS["join"](context, parts, d, attribute)


def _remedy(error: BaseException, made: Environment) -> str:
    message = str(error)
    if isinstance(error, TooMuchError):
        return "write less there: a page of facts needs no more"
    if "No filter named" in message:
        unknown = message.split("'")[1]
        nearest = nearest_name(unknown, made.filters, cutoff=0)
        return f"write `{nearest}`, the nearest filter; templates/README.md lists them all"
    if "without a filter" in message:
        return "show it through one of the filters in templates/README.md"
    return "correct it there; templates/README.md lists every fact and every filter"


def _names(owner: Any) -> list[str]:
    """Returns the names that a template may write behind a dot: the fields of a part, or the keys of a mapping."""
    return list(owner.written()) if isinstance(owner, Part) else list(map(str, owner))


def _place(values: Any, wanted: Any) -> str:
    """Returns where within ``values`` the mapping ``wanted`` itself stands, as a template writes it; `` where not."""
    return next((f"{place}." for place, found in _walk(values, "") if found is wanted), "")


def _walk(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    yield place, value
    if isinstance(value, Part | Mapping):
        for key in _names(value):
            part = getattr(value, key) if isinstance(value, Part) else value[key]
            yield from _walk(part, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _walk(part, f"{place}[{index}]")
