"""`aftertune task new`: a task made of a user's own rows."""

from pathlib import Path
from typing import Annotated

import typer

from harness_tasks.errors import exit_on_user_error

task = typer.Typer(no_args_is_help=True, help="Make a task of rows of your own.")


@task.callback()
def group() -> None:
    """Make a task of rows of your own."""


@task.command("new")
def new(
    name: Annotated[str, typer.Argument(help="What the task is called.")],
    data: Annotated[str, typer.Option(help="A CSV, TSV, JSON, JSON lines or Parquet file, or a data set of the Hub.")],
    input_: Annotated[
        str | None, typer.Option("--input", help="The column of the texts to classify; with --label.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="The column of their labels.")] = None,
    positive: Annotated[
        str | None, typer.Option(help="Of two labels the positive one; its precision, recall and F1 are added.")
    ] = None,
    question: Annotated[
        str | None, typer.Option(help="The column of questions on a text; with --context and --answers.")
    ] = None,
    context: Annotated[str | None, typer.Option(help="The column of the texts that they are asked of.")] = None,
    answers: Annotated[
        str | None, typer.Option(help="The column of their answers: a text, a list of texts, or SQuAD's object.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="The column of prompts; with --completion.")] = None,
    completion: Annotated[str | None, typer.Option(help="The column of what is to be written after them.")] = None,
    cluster: Annotated[
        str | None, typer.Option(help="The column that says which rows belong together: a user, a document.")
    ] = None,
    test_share: Annotated[float, typer.Option(help="The share of the rows that is scored, by whole cluster.")] = 0.2,
    split: Annotated[
        str | None, typer.Option(help="The column that says train, test or validation, in place of --test-share.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides which clusters are scored.")] = 1,
    model: Annotated[
        str | None,
        typer.Option(help="A model's folder or Hub id, to count labels', answers' and rows' tokens with."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="The folder to write.", show_default="NAME")] = None,
) -> None:
    """Make a folder with a task of lm_eval from rows of your own, and say what was found of them.

    Name the columns of one kind of task: --input and --label, or --question, --context and --answers, or --prompt and
    --completion.
    """
    from harness_tasks.own_task.making import Wanted
    from harness_tasks.own_task.new import new_task

    columns = {
        "input": input_,
        "label": label,
        "question": question,
        "context": context,
        "answers": answers,
        "prompt": prompt,
        "completion": completion,
    }
    with exit_on_user_error():
        folder = output or Path(name)
        wanted = Wanted(name, folder, cluster, split, test_share, seed, model, positive)
        made = new_task(data, wanted, columns)
        print("\n".join([*made.notes, f"{folder}: a task for lm_eval, --include_path {folder} --tasks {name}"]))
