"""The sentences that a run ends with on a terminal: the page's own."""

from pathlib import Path

from report.page.build import build_report
from report.page.headlines import headlines
from tests.report.synthetic import folder_of, write_study


def test_a_run_ends_with_the_words_that_its_page_opens_with(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    build_report(study, output=folder_of(study))
    said = headlines(folder_of(study))
    page = (folder_of(study) / "report.md").read_text()
    assert len(said) == 2
    for sentence, task in zip(said, ("reviews", "passages"), strict=True):
        assert sentence.startswith(f"On {task}, ")
        assert sentence.endswith(".")
        assert "`" not in sentence
        assert "\\" not in sentence
        assert sentence in page.replace("`", "").replace("\\", "")
