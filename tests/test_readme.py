"""Every command that README.md and the pages of docs/ show, taken from their text.

Those that can run offline run, and their output is looked at (`RUN`). Where the text names a long job, a short one is
put in its place: the tiny model, `--limit`, a few training rows, or `studies/tiny.yaml`. Those that need the Hub, a
package index or a GPU (`CHECKED_ONLY`) go through our argument and study checks. `make test` is this very run, and so
exempt. A command that is in none of the three fails the test.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from readme_checks import (
    CLUSTER,
    a_cluster_is_found_or_told,
    another_python_makes_the_environment,
    hf_has_that_verb,
    lm_eval_accepts_the_arguments,
    make_passes_the_profile_on,
    pip_reads_the_pinned_torch,
    the_extra_names_the_plug_in,
    the_llama_study_passes_its_checks,
)
from readme_looks import (
    a_card,
    a_checkpoint,
    a_comparison,
    a_copied_page,
    a_copied_study,
    a_copied_template,
    a_copy_of_the_tiny_model,
    a_finished_study,
    a_label_prior,
    a_leaderboard,
    a_page,
    a_page_that_is_backed,
    a_plan_of,
    a_plan_with_guards,
    a_pushable_study,
    a_written_page,
    a_written_study,
    an_embedded_model,
    an_own_study,
    an_own_task,
    every_file_is_what_its_facts_give,
    every_step_is_planned,
    exported_weights,
    llama_with_an_adapter,
    merged_weights,
    own_completions,
    own_lives,
    own_questions,
    own_rows,
    own_sums,
    scored,
    scored_with_files,
    the_embedded_models_parameters,
    the_folders_rows,
    the_overlap,
    the_parts_joined,
    the_regression_gate,
    the_targets,
    the_tasks_folder,
    the_templates,
    the_verdicts,
    tiny,
    tiny_and_own_folder,
    whole_passages,
)
from readme_reader import TEXT, Case, Reader, commands, words_of_ours

EXEMPT = {"make test", "make test-slow"}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Reader:
    return Reader(tmp_path_factory.mktemp("reader"), tiny_model, RUN)


EMBEDDED = "aftertune embedded --output build/base"
PLAN = "aftertune plan-training --model build/base --task reviews_demo --head sequence-classification"
TRAIN = "aftertune train --model build/base --task reviews_demo --train-rows 500 --output build/mine/reviews"
MERGE = "aftertune merge build/mine/reviews --output build/mine/merged"
DRY_RUN = "aftertune run studies/demo.yaml --dry-run"
BUILD = "aftertune build studies/demo.yaml"
VERIFY = "aftertune verify build/demo/report.md"
SCORE = (
    "aftertune score --model hf --model_args pretrained=build/base --tasks passages_demo --num_fewshot 2 "
    "--apply_chat_template --log_samples --output_path build/mine/scores"
)
SHORT = "--limit 4 --device cpu"
PARTS = [
    "aftertune score --model hf-shared --model_args pretrained=build/base --tasks passages_demo "
    f"--shard {part}/2 --log_samples --output_path build/mine/part{part}"
    for part in (1, 2)
]
FIRST_ROWS = f"--device cpu --samples '{json.dumps({'passages_demo': list(range(21))})}'"

RUN = {
    "make report": Case(
        every_step_is_planned,
        make="python -m aftertune run studies/demo.yaml",
        swap=tiny("demo"),
        add="--dry-run",
        elsewhere=True,
    ),
    "AFTERTUNE_DATA=DIR STUDY=studies/seed-small.yaml make report": Case(
        every_step_is_planned,
        make="python -m aftertune run studies/seed-small.yaml",
        swap=tiny("seed-small"),
        add="--dry-run",
        elsewhere=True,
    ),
    "make plan": Case(
        a_plan_of("134,515,008 parameters", "fine-tune reviews_demo-lora-seed1", "score base on passages_demo"),
        make="python -m aftertune plan studies/demo.yaml",
        add="--declared",
    ),
    "STUDY=studies/llama-3.2-1b.yaml make plan": Case(
        a_plan_of("1,235,814,400 parameters", "11,272,192", "13,470", "26,064", "16 steps"),
        make="python -m aftertune plan studies/llama-3.2-1b.yaml",
    ),
    "make help": Case(the_targets),
    "aftertune diff models/base runs/my-adapter --tasks sst2_llama_glue --limit 200": Case(
        a_comparison, swap=a_copy_of_the_tiny_model, add="--dry-run", elsewhere=True
    ),
    "cp studies/demo.yaml studies/mine.yaml": Case(
        a_copied_study, swap=lambda reader: {"studies/mine.yaml": str(reader.folder / "mine.yaml")}
    ),
    "STUDY=studies/mine.yaml make plan": Case(
        a_plan_of("26,880 parameters", "fine-tune passages_demo-lora-seed2", "score base on reviews_demo"),
        make="python -m aftertune plan studies/mine.yaml",
        swap=an_own_study,
        add="--teraflops 0.1",
    ),
    "STUDY=studies/mine.yaml make report": Case(
        every_step_is_planned,
        make="python -m aftertune run studies/mine.yaml",
        swap=tiny("mine"),
        add="--dry-run",
        elsewhere=True,
    ),
    "lm_eval --model hf --model_args pretrained=build/base,dtype=float32 --include_path harness_tasks "
    "--tasks reviews_demo --batch_size 16": Case(
        scored("reviews_demo", "acc", 1), swap=lambda reader: {"build/base": str(reader.model)}, add=SHORT
    ),
    'lm_eval --model hf --model_args pretrained=MODEL,peft=ADAPTER --include_path "$(aftertune tasks-path)" '
    """--tasks sst2_llama_glue --metadata '{"data_dir": "DIR"}'""": Case(
        scored("sst2_llama_glue", "mcc", 1),
        swap=lambda reader: {
            "MODEL": str(reader.model),
            "ADAPTER": str(reader.folder / "reviews"),
            'DIR"': f'{reader.data}", "other_rows": true',
        },
        add=SHORT,
        elsewhere=True,
        after=[TRAIN],
    ),
    EMBEDDED: Case(an_embedded_model, swap=lambda reader: {"build/base": str(reader.folder / "base")}),
    PLAN: Case(a_plan_with_guards, swap=lambda reader: {"build/base": str(reader.model)}, add="--device cpu"),
    TRAIN: Case(
        a_checkpoint,
        swap=lambda reader: {"build/base": str(reader.model), "500": "40", "build/mine": str(reader.folder)},
        add="--device cpu --dtype float32",
    ),
    MERGE: Case(merged_weights, swap=lambda reader: {"build/mine": str(reader.folder)}, after=[TRAIN]),
    "aftertune export build/mine/reviews --gguf Q8_0": Case(
        exported_weights, swap=lambda reader: {"build/mine": str(reader.folder)}, after=[TRAIN]
    ),
    SCORE: Case(
        scored_with_files,
        swap=lambda reader: {"build/base": str(reader.folder / "merged"), "build/mine": str(reader.folder)},
        add=SHORT,
        after=[MERGE],
    ),
    "aftertune sample passages_demo --limit 70 --seed 1 --output build/mine/samples.json": Case(
        whole_passages, swap=lambda reader: {"build/mine": str(reader.folder)}
    ),
    """aftertune check sst2_llama_glue --training --metadata '{"data_dir": "DIR"}'""": Case(
        the_folders_rows, swap=lambda reader: {'DIR"': f'{reader.data}", "other_rows": true'}
    ),
    """aftertune check sst2_llama_glue --training --metadata '{"data_dir": "DIR", "other_rows": true}'""": Case(
        the_folders_rows, swap=lambda reader: {'"DIR"': f'"{reader.data}"'}
    ),
    PARTS[0]: Case(scored("passages_demo", "f1", 100), swap=tiny_and_own_folder, add=FIRST_ROWS),
    PARTS[1]: Case(scored("passages_demo", "f1", 100), swap=tiny_and_own_folder, add=FIRST_ROWS),
    "aftertune merge-shards build/mine/part1 build/mine/part2 --output build/mine/whole": Case(
        the_parts_joined, swap=lambda reader: {"build/mine": str(reader.folder)}, after=PARTS
    ),
    "aftertune params build/base": Case(
        the_embedded_models_parameters,
        swap=lambda reader: {"build/base": str(reader.folder / "base")},
        after=[EMBEDDED],
    ),
    "aftertune params tests/data/llama-3.2-1b/config.json --lora-r 16 --json": Case(llama_with_an_adapter),
    BUILD: Case(a_page, swap=a_finished_study),
    VERIFY: Case(a_page_that_is_backed, swap=a_written_page, after=[BUILD]),
    f"{BUILD} --check": Case(
        lambda printed, reader: every_file_is_what_its_facts_give(printed),
        swap=a_finished_study,
        after=[BUILD],
    ),
    f"{BUILD} --copy-to docs/demo": Case(
        a_copied_page,
        swap=lambda reader: {"docs/demo": str(reader.folder / "copied"), **a_finished_study(reader)},
        after=[BUILD],
    ),
    # As it stands: the page that is committed is what the facts beside it give, without a model or a result.
    f"{BUILD} --output docs/demo --check": Case(lambda printed, reader: every_file_is_what_its_facts_give(printed)),
    "aftertune template list": Case(the_templates),
    "aftertune template copy studies/mine.yaml answer_analysis.md.j2": Case(a_copied_template, swap=an_own_study),
    "aftertune push studies/demo.yaml --dry-run": Case(a_card, swap=a_pushable_study, after=[BUILD]),
    "aftertune verify docs/demo/report.html --page-only": Case(a_page_that_is_backed),
    "make verify": Case(
        a_page_that_is_backed,
        make="python -m aftertune verify build/demo/report.md",
        swap=a_written_page,
        after=[BUILD],
    ),
    "aftertune compare build/demo build/mine/scores --output build/mine/compared": Case(
        a_leaderboard,
        swap=lambda reader: {**a_written_study(reader), "build/mine": str(reader.folder)},
        after=[SCORE],
    ),
    "aftertune compare build/demo --fail-on-regression reviews_demo:acc": Case(
        the_regression_gate,
        swap=lambda reader: {**a_written_study(reader), "reviews_demo:acc": "reviews:acc"},
    ),
    "aftertune audit studies/seed-claims.yaml": Case(the_verdicts, add="; test $? -eq 1"),
    """aftertune overlap sst2_llama --metadata '{"data_dir": "DIR"}'""": Case(
        the_overlap, swap=lambda reader: {'DIR"': f'{reader.data}", "other_rows": true'}
    ),
    "aftertune task new stars --data reviews.csv --input text --label stars --cluster product": Case(
        an_own_task, swap=own_rows, elsewhere=True
    ),
    "aftertune task new lives --data lives.jsonl --question question --context passage --answers answers": Case(
        own_questions, swap=own_lives, elsewhere=True
    ),
    "aftertune task new sums --data sums.parquet --prompt prompt --completion completion": Case(
        own_completions, swap=own_sums, elsewhere=True
    ),
    "aftertune prior reviews_demo --model hf --model_args pretrained=build/base --output build/mine/prior.json": Case(
        a_label_prior,
        swap=lambda reader: {"build/base": str(reader.model), "build/mine": str(reader.folder)},
        add="--device cpu",
    ),
    DRY_RUN: Case(every_step_is_planned, swap=tiny("demo"), elsewhere=True),
    "aftertune plan studies/demo.yaml": Case(a_plan_of("134,515,008 parameters"), add="--declared"),
    "aftertune tasks-path": Case(the_tasks_folder, elsewhere=True),
}
RUN = {command: Case(**{**case.__dict__, "text": command}) for command, case in RUN.items()}


CHECKED_ONLY: dict[str, Callable[..., None]] = {
    "PYTHON=python3.12 make report": another_python_makes_the_environment,  # needs a package index
    "PIP_EXTRA_INDEX_URL=CPU_INDEX make report": pip_reads_the_pinned_torch,  # needs a package index
    "hf auth login": hf_has_that_verb,  # needs the Hub
    "pip install -e '.[cluster]'": the_extra_names_the_plug_in,  # needs a package index
    "PROFILE=slurm make report": make_passes_the_profile_on,  # needs a cluster
    CLUSTER: a_cluster_is_found_or_told,  # needs a cluster
    "STUDY=studies/llama-3.2-1b.yaml make report": the_llama_study_passes_its_checks,  # needs the Hub and a GPU
    "lm_eval --model hf --model_args pretrained=meta-llama/Llama-3.2-1B,dtype=bfloat16,softmax_dtype=float32 "
    "--include_path harness_tasks --tasks squad_llama --batch_size 64 --device cuda": (
        lm_eval_accepts_the_arguments  # needs the Hub and a GPU
    ),
}


@pytest.mark.parametrize("command", commands())
def test_command(command: str, reader: Reader, tmp_path: Path) -> None:
    if command in RUN:
        RUN[command].look(reader.type(command), reader)
    elif command in CHECKED_ONLY:
        check = CHECKED_ONLY[command]
        check(tmp_path) if check in (the_llama_study_passes_its_checks, a_cluster_is_found_or_told) else check()
    else:
        assert command in EXEMPT, (
            f"README.md or docs/ shows {command!r}: add it to RUN, or to CHECKED_ONLY if it cannot run here"
        )


def test_no_table_names_a_command_that_no_page_shows() -> None:
    shown = set(commands())
    assert {*RUN, *CHECKED_ONLY} - shown == set()
    assert set(RUN) & set(CHECKED_ONLY) == set()


SHOWN = re.findall(r"^```sh\n([^\n]+)\n```\n(?:(?!```).)*?\n```text\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
"""A command that stands alone, and the output that follows it with no other block between."""


def test_output_is_shown_of_four_commands() -> None:
    assert {command for command, _ in SHOWN} == {
        "make plan",
        "STUDY=studies/llama-3.2-1b.yaml make plan",
        "aftertune verify docs/demo/report.html --page-only",
        "aftertune params build/base",
    }


@pytest.mark.parametrize(
    "command", ["aftertune verify docs/demo/report.html --page-only", "aftertune params build/base"]
)
def test_the_output_that_is_shown_is_what_the_command_prints(command: str, reader: Reader) -> None:
    printed = reader.type(command)
    for shown in (output for of, output in SHOWN if of == command):
        assert shown.strip() in printed, "a page of docs/ shows another output: put this one there"


@pytest.mark.parametrize("command", ["make plan", "STUDY=studies/llama-3.2-1b.yaml make plan"])
def test_a_plan_that_is_shown_has_the_steps_rows_and_tokens_that_are_printed(command: str, reader: Reader) -> None:
    """Memory, time and what fits are those of the machine and its dtype, and a step may be done already."""
    printed = {_of_a_step(line) for line in reader.type(command).splitlines()}
    (shown,) = (output for of, output in SHOWN if of == command)
    lines = [line for line in shown.splitlines() if line and not line.startswith(("model:", "…"))]
    steps = [line for line in lines if re.search(r"  +(to do|done)  ", line)]
    assert {_of_a_step(line) for line in steps} <= printed
    assert len(steps) == (6 if command == "make plan" else 0)
    for line in lines:
        if " on a GPU of " in line:
            assert line.partition(":")[0] in reader.type(command)


def _of_a_step(line: str) -> tuple[str, ...]:
    cells = re.split(r"  +", line)
    return (cells[0], *cells[2:5])


def test_a_line_of_plain_words_needs_no_shell() -> None:
    assert words_of_ours("aftertune check a --metadata '{\"b\": 1}'") == ["check", "a", "--metadata", '{"b": 1}']
    for line in ("make plan", 'aftertune params "$HOME"', "aftertune audit a.yaml; ls", "aftertune audit a.yaml > b"):
        assert words_of_ours(line) is None


def test_a_line_is_a_command() -> None:
    text = "a\n```sh\nmake report\n\nmake plan\n```\n```yaml\nkey: value\n```\n```sh\nmake plan\n```\n"
    assert commands(text) == ["make report", "make plan"]
