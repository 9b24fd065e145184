"""Names and values of a study file that could be taken for more: refused with three parts, or nothing but names."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness_tasks.errors import UserError
from studies import load_grid, load_study
from studies.names import check_name

SMALL: dict[str, Any] = {
    "title": "t",
    "model": {"id": "embedded"},
    "tasks": {"reviews_demo": None},
    "authors": [{"name": "a", "did": "b"}],
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("studies").mkdir()


def refused(text: str, name: str = "mine.yaml") -> UserError:
    """Returns the error for a study file of that text; nothing must have been written."""
    path = Path("studies") / name
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(UserError) as caught:
        load_grid(path)
    assert caught.value.why
    assert caught.value.mend
    assert not Path("build").exists()
    return caught.value


@pytest.mark.parametrize(
    "name",
    ["mine", "my study", "a.b", "llama-3.2-1b", "x,y=1", "été", "हिन्दी", "e\u0301tude", "(draft)_2".replace("(", "a(")],
)
def test_plain_names_are_taken(name: str) -> None:
    Path(f"studies/{name}.yaml").write_text(yaml.safe_dump(SMALL))
    assert load_study(f"studies/{name}.yaml").folder == Path("build") / name


@pytest.mark.parametrize(
    "name",
    ["..", "...", ".hidden", "a..b", "-x", " a", "a ", "a.", "{x}", "a{b", "a*b", "a?b", "[a]", "it's", 'q"q', "$HOME",
     "a;b", "a&b", "a|b", "a\\b", "a\nb", "a\tb", "a`b`", "a#b", "a:b", "a%b", "~", "a\u202eb", "a\u2028b", "x" * 120,
     "base", "Base", "tiny-model", "bench", "lock"],
)  # fmt: skip
def test_a_name_that_could_mean_more_is_refused(name: str) -> None:
    error = refused(yaml.safe_dump(SMALL), f"{name}.yaml")
    assert "has a name" in error.found
    assert "another name" in error.mend
    grid = {**SMALL, "models": [SMALL["model"]]}
    del grid["model"]
    assert "has a name" in refused(yaml.safe_dump(grid), f"{name}.yaml").found


def test_a_grid_called_dots_clears_no_templates() -> None:
    kept = Path("templates/mine.md.j2")
    kept.parent.mkdir()
    kept.write_text("mine")
    grid = {key: value for key, value in SMALL.items() if key != "model"} | {"models": [{"id": "embedded"}]}
    assert "'..'" in refused(yaml.safe_dump(grid), "...yaml").found
    assert kept.read_text() == "mine"


@pytest.mark.parametrize("name", ["Templates", "logs", "figures", "x" * 150])
def test_a_models_name_in_a_grid_is_no_folder_of_the_grids(name: str) -> None:
    grid = {key: value for key, value in SMALL.items() if key != "model"} | {"models": [{"id": "a", "name": name}]}
    error = refused(yaml.safe_dump(grid))
    assert "has a name" in error.found
    assert "`name:`" in error.mend
    with pytest.raises(UserError):
        check_name(name, "it", is_in_grid=True)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"seeds": [1, 1]}, "1 is listed twice"),
        ({"seeds": [0, 2, 0]}, "0 is listed twice"),
        ({"methods": ["lora", "full", "lora"]}, "lora is listed twice"),
        ({"formulations": ["causal", "causal"]}, "causal is listed twice"),
        ({"tasks": {"../out": None}}, "no task has such a name"),
        ({"tasks": {"a/b": None}}, "no task has such a name"),
        ({"tasks": {"sst2_*": None}}, "no task has such a name"),
        ({"tasks": {"a,b": None}}, "no task has such a name"),
        ({"tasks": {"-x": None}}, "no task has such a name"),
        ({"tasks": {"x" * 300: None}}, "no task has such a name"),
        ({"tasks": {"reviews_demo": {"exclude_overlap": "../x"}}}, "no task has such a name"),
        ({"model": {"id": "--output=x"}}, "begins with a dash"),
        ({"model": {"id": ""}}, "it is empty"),
        ({"model": {"id": "a\nb"}}, "a line break"),
        ({"model": {"id": "a", "revision": "-x"}}, "begins with a dash"),
        ({"hub": {"namespace": "a b;c"}}, "`hub.namespace`"),
        ({"hub": {"namespace": "../x"}}, "`hub.namespace`"),
        ({"device": "cpu,trust_remote_code=True"}, "`device`"),
        ({"seeds": [True]}, "`seeds.0` is True"),
        ({"seeds": ["1"]}, "`seeds.0` is '1'"),
        ({"seeds": [-1]}, "`seeds.0` is -1"),
        ({"seeds": [2**40]}, "`seeds.0`"),
        ({"shards": 10**9}, "`shards`"),
        ({"batch_size": 10**30}, "`batch_size`"),
        ({"metadata": {"data_dir": 5}}, "`data_dir` is no text"),
        ({"metadata": {"a": float("nan")}}, "`metadata`"),
        ({"title": "a\0b"}, "`title` holds the character U+0000"),
        ({"authors": [{"name": "a", "did": "b\0"}]}, "`authors.0.did` holds the character U+0000"),
    ],
    ids=str,
)
def test_a_value_that_could_mean_more_is_refused(change: dict[str, Any], found: str) -> None:
    assert found in refused(yaml.safe_dump({**SMALL, **change})).found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("title: t\n1: x\n", "the key 1 is no text"),
        ("title: t\non: x\n", "the key on is no text"),
        ('title: !!int "x"\n', "cannot be read as YAML"),
        ("title: " + "[" * 3000 + "]" * 3000 + "\n", "nested too deeply"),
        ("a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(f"k{n}: &k{n} [*{p}, *{p}]\n" for n, p in
            enumerate(["b", *(f"k{n}" for n in range(40))])), "aliases written out"),
        ("title: t\ntitle: u\n", "the key title occurs twice"),
        ("tasks: {reviews_demo: , reviews_demo: }\n", "the key reviews_demo occurs twice"),
        ('title: "\\ud800"\n', "U+D800"),
        ("title: 2020-01-01\n", "`title` is datetime.date"),
        (yaml.safe_dump(SMALL) + "metadata: {when: 2020-01-01}\n", "it is passed to the tasks as JSON"),
        ("", "holds no mapping"),
        ("just text\n", "holds no mapping"),
    ],
    ids=["number key", "on", "int", "nested", "aliases", "twice", "task twice", "surrogate", "date", "date in", "empty",
         "text"],
)  # fmt: skip
def test_yaml_that_is_no_study_is_refused(text: str, found: str) -> None:
    assert found in refused(text).found


def test_a_file_that_does_not_end_in_yaml_is_no_study() -> None:
    for name in ("facts.json", "mine", "mine.txt"):
        assert "does not end in .yaml" in refused(yaml.safe_dump(SMALL), name).found


def test_models_and_shots_of_a_grid_count_once() -> None:
    grid = {key: value for key, value in SMALL.items() if key != "model"}
    Path("m").mkdir()
    for models in (
        [{"id": "embedded", "name": "a"}, {"id": "embedded", "name": "b"}],
        [{"id": "m", "name": "a"}, {"id": "./m/", "name": "b"}],
        [{"id": "o/m", "name": "a", "revision": "1"}, {"id": "o/m", "name": "b", "revision": "1"}],
    ):
        assert "twice" in refused(yaml.safe_dump({**grid, "models": models})).found
    assert "`shots` names 2 twice" in refused(yaml.safe_dump({**SMALL, "shots": [0, 2, 2]})).found
    two = [{"id": "o/m", "name": "a", "revision": "1"}, {"id": "o/m", "name": "b", "revision": "2"}]
    Path("studies/mine.yaml").write_text(yaml.safe_dump({**grid, "models": two}))
    assert len(load_grid("studies/mine.yaml").studies) == 2


def test_reading_a_grid_writes_and_removes_nothing() -> None:
    grid = {key: value for key, value in SMALL.items() if key != "model"} | {"models": [{"id": "embedded"}]}
    Path("studies/mine.yaml").write_text(yaml.safe_dump(grid))
    stays = Path("build/mine/templates/old.md.j2")
    stays.parent.mkdir(parents=True)
    stays.write_text("x")
    found = load_grid("studies/mine.yaml")
    assert [path for path in Path("build").rglob("*") if path.is_file()] == [stays]
    stays.parent.rename("elsewhere")
    stays.parent.symlink_to(Path("elsewhere").resolve())
    Path("studies/templates").mkdir()
    Path("studies/templates/own.md.j2").write_text("x")
    with pytest.raises(UserError, match="is a link to"):
        load_grid("studies/mine.yaml").write()
    assert [path.name for path in Path("elsewhere").iterdir()] == ["old.md.j2"]
    assert not found.is_one_study
