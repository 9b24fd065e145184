"""The scores of written answers that a task's folder computes by itself, against the project's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from harness_tasks import metrics
from harness_tasks.own_task.hooks import written

WORDS = st.sampled_from(["the", "A", "cat's", "sat", "on", "mat.", "1,958", "an", "--", "Sat", "unanswerable", "x\ny"])
TEXTS = st.lists(WORDS, max_size=6).map(" ".join)
ANSWERS = st.lists(TEXTS.filter(lambda text: bool(text.strip())), max_size=3)


@given(TEXTS, ANSWERS)
def test_a_questions_scores_are_those_of_squads_task(said: str, answers: list[str]) -> None:
    found = written.question_scores({"answers": {"text": answers}}, [said])
    expected = metrics.answer_scores(said, answers)
    for name in ("exact", "f1", "HasAns_exact", "NoAns_f1", "rouge1", "rouge2", "rougeL"):
        assert found.get(name) == (None if name not in expected else pytest.approx(expected[name]))
    assert found.get("bleu") == expected.get("bleu")


@given(st.lists(st.tuples(TEXTS, TEXTS.filter(bool)), min_size=1, max_size=5))
def test_bleu_is_the_projects_own(pairs: list[tuple[str, str]]) -> None:
    items = [written.bleu_counts(said, [answer]) for said, answer in pairs]
    assert written.corpus_bleu(items) == pytest.approx(metrics.corpus_bleu(items))


def test_meteor_is_nltks_without_synonyms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERTUNE_WORDNET", "")
    for said in ("Denver", "the running cats", "a cat ran to it", ""):
        assert written.meteor(said, ["Denver Broncos", "the cat runs"]) == pytest.approx(
            metrics.meteor_score(said, ["Denver Broncos", "the cat runs"])
        )


def test_a_completion_is_scored_as_a_whole() -> None:
    doc = {"completions": ["unanswerable\nat all", "Das schöne Lied"]}
    assert written.completion_scores(doc, [" Unanswerable at\nall. "])["exact"] == 100
    # the gold answer's words are 3 and the output's 2, all of them right: 2 * 1 * 2/3 / (1 + 2/3)
    assert written.completion_scores(doc, ["schöne Lied"])["rouge1"] == pytest.approx(80)
    assert written.completion_scores(doc, ["schöne Lied"])["f1"] == pytest.approx(80)
    # as rouge_score cuts it, where "sch" and "ne" are words
    assert RougeScorer(["rouge1"]).score("schöne", "schön")["rouge1"].fmeasure == pytest.approx(0.5)
    assert written.rouge("schön", ["schöne"])["rouge1"] == 0


def test_a_completion_of_digits_stays_a_text() -> None:
    assert not written.completion_target({"completions": ["1958"]}).isdigit()
    assert written.question_target({"answers": {"text": ["19\n58"]}}) == "19 58"
