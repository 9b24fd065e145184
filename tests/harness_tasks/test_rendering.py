"""The digest of a rendering: the same from a live task and from results, another when the prompt is another."""

import copy
import json
from typing import Any

import pytest
from lm_eval.utils import handle_non_serializable, hash_string

from harness_tasks import UserError
from harness_tasks.loading import load_task
from harness_tasks.rendering import render_from_results, render_hash, render_parts

PLAIN: dict[str, Any] = {
    "num_fewshot": 0,
    "chat_template_sha": None,
    "fewshot_as_multiturn": None,
    "system_instruction_sha": None,
}


def digest(config: dict[str, Any], **changes: Any) -> str:
    return render_hash(render_parts(config, **{**PLAIN, **changes}))


@pytest.fixture(scope="module", params=["reviews_demo", "passages_demo"])
def config(request: pytest.FixtureRequest) -> dict[str, Any]:
    return load_task(request.param).dump_config()


def test_nothing_of_the_machine_is_in_it(config: dict[str, Any]) -> None:
    text = json.dumps(render_parts(config, **{**PLAIN, "num_fewshot": 2}))
    assert "0x" not in text
    assert "config_source" not in text
    assert "fingerprint" not in text
    assert str(load_task.__code__.co_filename).rsplit("/", 2)[0] not in text


def test_live_and_read_back_agree(config: dict[str, Any]) -> None:
    for default in (str, handle_non_serializable):
        read = json.loads(json.dumps(config, default=default, ensure_ascii=False))
        assert digest(read, num_fewshot=2) == digest(config, num_fewshot=2)


def test_two_builds_of_a_task_agree_and_metadata_paths_do_not_count(config: dict[str, Any]) -> None:
    again = load_task(config["task"], metadata={"pretrained": "elsewhere/model", "data_dir": "there"}).dump_config()
    assert digest(again, num_fewshot=3) == digest(config, num_fewshot=3)


@pytest.mark.parametrize(
    "change",
    [
        {"doc_to_text": "Another prompt"},
        {"target_delimiter": ""},
        {"description": "Read."},
        {"gen_prefix": "The answer is"},
        {"doc_to_choice": ["bad", "good"]},
        {"generation_kwargs": {"until": ["\n"], "max_gen_toks": 64}},
        {"metadata": {"version": 2.0}},
        {"task": "another_task"},
        {"output_type": "loglikelihood"},
        {"doc_to_target": "def target(doc):\n    return ''\n"},
    ],
)
def test_another_prompt_is_another_digest(config: dict[str, Any], change: dict[str, Any]) -> None:
    assert digest({**config, **change}) != digest(config)


def test_shots_template_turns_and_system_instruction(config: dict[str, Any]) -> None:
    seen = [
        digest(config),
        digest(config, num_fewshot=1),
        digest(config, num_fewshot=2),
        digest(config, chat_template_sha="a"),
        digest(config, chat_template_sha="b"),
        digest(config, chat_template_sha="a", num_fewshot=1, fewshot_as_multiturn=False),
        digest(config, chat_template_sha="a", num_fewshot=1, fewshot_as_multiturn=True),
        digest(config, system_instruction_sha="a"),
    ]
    assert len(set(seen)) == len(seen)
    other = copy.deepcopy(config)
    other["fewshot_config"] = {**other["fewshot_config"], "sampler": "first_n"}
    assert digest(other, num_fewshot=1) != digest(config, num_fewshot=1)


def test_what_changes_no_prompt_changes_no_digest(config: dict[str, Any]) -> None:
    # Turns need a template and shots; how shots are drawn needs shots.
    assert digest(config, fewshot_as_multiturn=True) == digest(config, fewshot_as_multiturn=None)
    assert digest(config, fewshot_as_multiturn=True, num_fewshot=1) == digest(config, num_fewshot=1)
    template = {"chat_template_sha": "a"}
    assert digest(config, **template, fewshot_as_multiturn=True) == digest(config, **template)
    assert digest({**config, "metric_list": [], "fewshot_config": {"sampler": "first_n"}}) == digest(config)


def test_results_without_the_task_name_those_they_have() -> None:
    with pytest.raises(UserError, match=r"no configuration of the task 'x' \(tasks there: y, z\)"):
        render_from_results({"configs": {"y": {}, "z": {}}, "n-shot": {}}, "x")


def test_parts_from_results(config: dict[str, Any]) -> None:
    results = {
        "configs": {"t": config},
        "n-shot": {"t": 2},
        "chat_template_sha": hash_string("template"),
        "fewshot_as_multiturn": True,
        "system_instruction_sha": None,
    }
    parts = render_from_results(results, "t")
    assert parts["num_fewshot"] == 2
    assert parts["fewshot_as_multiturn"] is True
    assert render_hash(parts) == digest(
        config, num_fewshot=2, chat_template_sha=hash_string("template"), fewshot_as_multiturn=True
    )
