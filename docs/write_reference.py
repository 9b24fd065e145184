"""The pages of docs/reference, read from the code: `python docs/write_reference.py` writes them anew."""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from aftertune import PANELS, app
from finetune.guards import ALLOWABLE, GUARDS
from finetune.recipe import Recipe
from harness_tasks.files import write_text
from harness_tasks.guards import GUARDS as SCORING_GUARDS
from harness_tasks.guards.adapter_base import adapter_base
from harness_tasks.guards.shots import shots
from report.page.template.readme import facts_tables
from report.statistics.formulas import MEAN
from report.statistics.metrics import METRICS
from studies.elsewhere import Elsewhere
from studies.experiments import Experiments
from studies.study import Author, HubRepos, Model, Study, TaskGroup, TaskPlan, Where

FOLDER = Path(__file__).resolve().parent / "reference"
WRITTEN_BY = "Generated from the code by `python docs/write_reference.py`; a test holds it current.\n"


def pages() -> dict[str, str]:
    """Returns the text of each page by its file's name."""
    made = {
        "verbs.md": verbs(),
        "study-keys.md": study_keys(),
        "facts.md": facts(),
        "metrics.md": metrics(),
        "guards.md": guards(),
    }
    return {name: re.sub(r"\n{3,}", "\n\n", text.rstrip()) + "\n" for name, text in made.items()}


def verbs() -> str:
    """Returns the page of the verbs: what each does, its arguments and its options."""
    parts = ["# Verbs\n", WRITTEN_BY, "`aftertune VERB --help` prints the same in a terminal.\n"]
    group: Any = typer.main.get_command(app)
    listed = {verb for verbs in PANELS.values() for verb in verbs}
    panels: dict[str, list[str]] = {panel: list(verbs) for panel, verbs in PANELS.items()}
    for name, command in group.commands.items():
        if name not in listed:
            panels[command.rich_help_panel].append(name)
    for panel, names in panels.items():
        parts.append(f"## {panel}\n")
        for name in names:
            parts += _verb(name, group.commands[name])
    return "\n".join(parts)


def _verb(name: str, command: Any) -> Iterator[str]:
    if inner := getattr(command, "commands", None):
        yield f"### {name}\n\n{command.help}\n"
        for below, one in inner.items():
            yield from _verb(f"{name} {below}", one)
        return
    yield f"### {name}\n\n{_plain(inspect.cleandoc(command.help or ''))}\n"
    rows = []
    for parameter in command.params:
        if parameter.name == "help":
            continue
        is_argument = parameter.param_type_name == "argument"
        shown = (parameter.metavar or str(parameter.name)).upper() if is_argument else ", ".join(parameter.opts)
        needed = (
            "required" if parameter.required else _default(parameter.default, getattr(parameter, "show_default", None))
        )
        rows.append((f"`{shown}`", needed, _plain(getattr(parameter, "help", None) or "")))
    if rows:
        yield from table(("argument or option", "default", "meaning"), rows)
        yield ""


def _default(value: Any, shown: Any) -> str:
    if isinstance(shown, str):
        return shown
    if callable(value) or value is None or value is False or value == () or value == []:
        return "–"
    words = [str(word) for word in value] if isinstance(value, list | tuple) else [str(value)]
    # A folder of this project is told by its name in it: it lies elsewhere on every machine.
    return ", ".join(f"`{word.removeprefix(f'{FOLDER.parent.parent}/')}`" for word in words)


def _plain(text: str) -> str:
    """Returns a docstring's text with Markdown's marks for code, and nothing taken for HTML."""
    return text.replace("``", "`").replace("\f", "").replace("<", "&lt;")


def study_keys() -> str:
    """Returns the page of a study file's keys: default, accepted values and meaning of each."""
    parts = [
        "# Study keys\n",
        WRITTEN_BY,
        "A study is one YAML file. An unknown key is an error that names the nearest known one. Grids of several",
        "studies in one file are told in [studies/README.md](../../studies/README.md).\n",
    ]
    shapes: dict[str, tuple[type[BaseModel], str]] = {
        "The study": (Study, "The top level of the file."),
        "`model:`": (Model, ""),
        "`tasks: <task>:`": (TaskPlan, ""),
        "`groups: <group>:`": (TaskGroup, ""),
        "`recipe:`": (Recipe, "The options of [`aftertune train`](verbs.md#train) have the same names, with dashes."),
        "`experiments:`": (Experiments, ""),
        "`checkpoints:`": (Elsewhere, "Each entry of the list; `aftertune diff` writes them."),
        "`exclude:` and `only:`": (Where, ""),
        "`authors:`": (Author, ""),
        "`hub:`": (HubRepos, ""),
    }
    for heading, (shape, more) in shapes.items():
        told = docstrings(shape)
        rows = [
            (f"`{key}`", _default_of(field), _accepted(field.annotation), told.get(key, ""))
            for key, field in shape.model_fields.items()
            if (shape, key) != (Study, "name")  # a study is named by its file
        ]
        parts += [f"## {heading}\n", f"{inspect.getdoc(shape)} {more}".strip() + "\n"]
        parts += [*table(("key", "default", "type", "meaning"), rows), ""]
    return "\n".join(parts)


def docstrings(shape: type[BaseModel]) -> dict[str, str]:
    """Returns what the source says below each field of a model."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(shape))).body
    assert isinstance(body, ast.ClassDef)
    told = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text:
            told[field.target.id] = " ".join(str(below.value.value).split())  # type: ignore[attr-defined]
    return told


def _default_of(field: Any) -> str:
    if field.default is PydanticUndefined:
        return "required"
    value = field.default
    if value is None or isinstance(value, BaseModel) or value in ([], {}):
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, int | float) else f"`{value}`".replace("'", "")


def _accepted(annotation: Any) -> str:
    """Returns the type of a key, as the source writes it where it is a choice, else in a word."""
    text = str(annotation) if not isinstance(annotation, type) else annotation.__name__
    if "Literal[" in text and (choices := re.findall(r"'([^']+)'", text)):
        return ", ".join(f"`{choice}`" for choice in dict.fromkeys(choices))
    text = re.sub(r"\bpattern='[^']*'", "", text)
    words = {"bool": "true or false", "int": "integer", "float": "number", "dict": "mapping", "str": "text"}
    found = next((word for name, word in words.items() if re.search(rf"\b{name}\b", text)), "mapping")
    return f"list of {found}s".replace("texts", "text") if text.startswith("list") else found


def facts() -> str:
    """Returns the page of the facts: each name in facts.json with its unit and meaning."""
    return "\n".join(
        [
            "# Facts\n",
            WRITTEN_BY,
            "`facts.json` holds everything that a page states. A fact is a value with its unit, its source and, where",
            "it was measured on items, its confidence interval and the number of items. Templates read nothing else:",
            "[templates/README.md](../../templates/README.md).\n",
            *facts_tables(),
        ]
    )


def metrics() -> str:
    """Returns the page of the metrics, from the one table of them."""
    ways = {True: "yes", False: "no", None: "not known"}
    rows = [
        (
            f"`{metric.name}`",
            metric.label,
            ways[metric.higher_is_better],
            "mean of the items" if metric.formula is MEAN else _shape_of(metric.made_of),
            f"`{metric.scikit_learn[0]}`" if metric.scikit_learn else "–",
            f"`{metric.every_eval_ever}`" if metric.every_eval_ever else "–",
        )
        for metric in METRICS.values()
    ]
    return "\n".join(
        [
            "# Metrics\n",
            WRITTEN_BY,
            "A metric that is not listed is the mean of its items where these are numbers, and higher is better only",
            "if its result file says so. How each is computed is told in",
            "[harness_tasks/metrics](../../harness_tasks/metrics/README.md); intervals and tests in",
            "[Statistics](../explanation/statistics.md).\n",
            "`precision_of_NAME` and `recall_of_NAME` are those of one class: of the items that count some are right.",
            "The tasks of `aftertune task new` have them.\n",
            *table(("name", "label", "higher is better", "computed from", "scikit-learn", "Every Eval Ever"), rows),
            "",
            "A missing name in the last two columns says that the other project has no such metric in our table.\n",
        ]
    )


def _shape_of(made_of: Any) -> str:
    return f"a list of {made_of.width} numbers an item" if made_of else "mean of the items"


def guards() -> str:
    """Returns the page of the guards, of training and of scoring."""
    training = [
        (f"[`{name}`](../../finetune/README.md#{name})", first_line(guard), "yes" if name in ALLOWABLE else "no")
        for name, guard in GUARDS.items()
    ]
    functions: dict[str, Callable[..., Any]] = {"shots": shots, "adapter-base": adapter_base}
    scoring = [
        (f"[`{name}`](../../harness_tasks/README.md#{name})", first_line(functions[name]), "yes")
        for name in SCORING_GUARDS
    ]
    head = ("guard", "what it says", "`--allow`")
    return "\n".join(
        [
            "# Guards\n",
            WRITTEN_BY,
            "A guard is a named check of a run before its first step. One that fails stops the run with exit code 1.",
            "Where `--allow` is possible, `--allow GUARD` turns the failure into a warning that the report shows.\n",
            f"## Training: {len(GUARDS)} guards\n",
            "`aftertune train` and [`plan-training`](verbs.md#plan-training) ask them all.\n",
            *table(head, training),
            "",
            f"## Scoring: {len(SCORING_GUARDS)} guards\n",
            "`aftertune score`, `check` and `merge` ask them.\n",
            *table(head, scoring),
        ]
    )


def first_line(function: Callable[..., Any]) -> str:
    """Returns the first sentence of a function's docstring, on one line."""
    return " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Returns the lines of a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return ["| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in line) + " |" for line in lines]


if __name__ == "__main__":
    for name, text in pages().items():
        write_text(FOLDER / name, text)
