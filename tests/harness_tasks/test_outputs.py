"""Files made anew in a folder: nothing outside it is touched, and nothing in it that somebody else put there."""

import os
from pathlib import Path

import pytest

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_text, write_json
from harness_tasks.outputs import is_as_written, refuse_links_out, write_outputs, written

NAME = "files.json"


def listed(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {NAME}


def test_what_is_no_more_is_removed_and_nothing_else(tmp_path: Path) -> None:
    write_outputs(tmp_path, {"page.md": "a", "figures/a.svg": "b", "figures/b.svg": "c"}, manifest=NAME)
    assert written(tmp_path, NAME)["figures/a.svg"] == sha256_text("b")
    (tmp_path / "figures" / "mine.svg").write_text("theirs")
    (tmp_path / "figures" / "b.svg").write_text("changed by somebody")
    write_outputs(tmp_path, {"page.md": "d"}, manifest=NAME)
    assert listed(tmp_path) == {"page.md", "figures/mine.svg", "figures/b.svg"}
    assert set(written(tmp_path, NAME)) == {"page.md"}


def test_some_can_be_written_beside_the_others(tmp_path: Path) -> None:
    write_outputs(tmp_path, {"a": "1", "b": "2"}, manifest=NAME)
    write_outputs(tmp_path, {"a": "3"}, manifest=NAME, others_stay=True)
    assert listed(tmp_path) == {"a", "b"}
    assert set(written(tmp_path, NAME)) == {"a", "b"}
    before = (tmp_path / "a").stat().st_mtime_ns
    write_outputs(tmp_path, {"a": "3", "b": "2"}, manifest=NAME, only_changed=True)
    assert (tmp_path / "a").stat().st_mtime_ns == before


def test_a_file_that_holds_the_text_already_is_dated_now_and_not_written_again(tmp_path: Path) -> None:
    write_outputs(tmp_path, {"a": "1", "b": "2"}, manifest=NAME)
    for name in ("a", "b", NAME):
        os.utime(tmp_path / name, (1, 1))
    before = {name: (tmp_path / name).stat().st_ino for name in ("a", "b", NAME)}
    write_outputs(tmp_path, {"a": "1", "b": "3"}, manifest=NAME)
    assert all((tmp_path / name).stat().st_mtime > 1 for name in before)
    assert (tmp_path / "a").stat().st_ino == before["a"]
    assert (tmp_path / "b").read_text() == "3"


@pytest.mark.parametrize("place", ["figures", "deep/figures"])
def test_a_link_out_of_the_folder_is_refused_before_anything_is_done(tmp_path: Path, place: str) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    write_outputs(home, {"page.md": "old", f"{place}/a.svg": "ours"}, manifest=NAME)
    other.mkdir()
    (other / "a.svg").write_text("ours")  # the same as we wrote: the link alone must save it
    (other / "b.svg").write_text("theirs")
    (home / place / "a.svg").unlink()
    (home / place).rmdir()
    (home / place).symlink_to(other)
    for files in ({"page.md": "new"}, {"page.md": "new", f"{place}/b.svg": "new"}):
        with pytest.raises(UserError) as caught:
            write_outputs(home, files, manifest=NAME)
        assert f"{home / place} is a link to {other}" in caught.value.found
    with pytest.raises(UserError, match="is a link to"):
        refuse_links_out(home)
    assert listed(other) == {"a.svg", "b.svg"}
    assert (other / "b.svg").read_text() == "theirs"
    assert (home / "page.md").read_text() == "old"


def test_the_folder_itself_may_be_a_link_and_links_within_may_stay_within(tmp_path: Path) -> None:
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "real" / "figures").symlink_to("inner")
    home = tmp_path / "home"
    home.symlink_to("real")
    write_outputs(home, {"figures/a.svg": "x"}, manifest=NAME)
    refuse_links_out(home)
    assert (tmp_path / "real" / "inner" / "a.svg").read_text() == "x"


def test_a_link_in_a_files_place_is_replaced_and_what_it_names_stays(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other.md"
    other.write_text("theirs")
    home.mkdir()
    (home / "page.md").symlink_to(other)
    write_outputs(home, {"page.md": "ours", "old.md": "x"}, manifest=NAME)
    (home / "old.md").unlink()
    (home / "old.md").symlink_to(other)
    write_outputs(home, {"page.md": "ours"}, manifest=NAME)
    assert other.read_text() == "theirs"
    assert not (home / "page.md").is_symlink()
    assert (home / "old.md").is_symlink()  # not what was written there


@pytest.mark.parametrize("name", ["../out.md", "/tmp/out.md", "a/../../out.md", "", "."])
def test_a_manifest_names_nothing_outside(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    (tmp_path / "out.md").write_text("x")
    write_outputs(home, {"page.md": "x"}, manifest=NAME)
    write_json(home / NAME, {name: sha256_text("x"), "page.md": sha256_text("x")})
    assert set(written(home, NAME)) == {"page.md"}
    write_outputs(home, {"other.md": "x"}, manifest=NAME)
    assert (tmp_path / "out.md").exists()


def test_a_damaged_manifest_and_a_folder_in_a_files_place_are_told(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"page.md": 3}')
    with pytest.raises(UserError, match=r"the list of written files .* has at `page.md` 3"):
        write_outputs(tmp_path, {"page.md": "x"}, manifest=NAME)
    (tmp_path / NAME).unlink()
    (tmp_path / "page.md").mkdir()
    with pytest.raises(UserError, match=r"page.md is a folder"):
        write_outputs(tmp_path, {"page.md": "x"}, manifest=NAME)
    (tmp_path / "figures").write_text("a file")
    with pytest.raises(UserError, match=r"figures is a file"):
        write_outputs(tmp_path, {"figures/a.svg": "x"}, manifest=NAME)


def test_a_file_is_as_written_only_with_the_same_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").symlink_to("a")
    found = [is_as_written(tmp_path / name, sha256_text(text)) for name, text in [("a", "x"), ("a", "y"), ("b", "x")]]
    assert found == [True, False, False]
