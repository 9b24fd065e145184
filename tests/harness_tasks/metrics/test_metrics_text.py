"""METEOR, BLEU and ROUGE against documented values and against the libraries called another way."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU

from harness_tasks import UserError, metrics
from harness_tasks.metrics import _wordnet
from harness_tasks.metrics._fetch_wordnet import fetch_wordnet
from harness_tasks.metrics._fetch_wordnet import main as fetch_main

# NLTK's documentation of meteor_score, its first example.
SAID = "It is a guide to action which ensures that the military always obeys the commands of the party"
WANTED = "It is a guide to action that ensures that the military will forever heed Party commands"
# nltk/nltk#2751, which NLTK before 3.6.4 scored 1.056.
CREATES = "creates or updates a virtual machine scale set", "create or update a vm set"

WORDS = ["the", "The", "cat", "sat", "on", "mat,", "3.5", "U.S.", "É", "..."]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join)
ITEMS = st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), min_size=1, max_size=6)


@pytest.fixture(params=["with", "without"])
def wordnet(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether there is WordNet: as the machine has it, and with the variable that does without."""
    if request.param == "without":
        monkeypatch.setenv(_wordnet.VARIABLE, "")
        return False
    if _wordnet.find_wordnet() is None:
        pytest.skip("no WordNet: python -m harness_tasks.metrics._fetch_wordnet fetches it where there is apt-get")
    return True


def test_meteors_name_and_signature_say_whether_there_is_wordnet(wordnet: bool) -> None:
    name = metrics.meteor_name()
    assert name == ("meteor" if wordnet else "meteor_exact_stem")
    signature = metrics.signatures("answers")[name]
    assert ("synonym" in signature, ",wordnet-" in signature) == (wordnet, wordnet)
    assert ("meteor" in metrics.answer_scores("Paris", ["Paris"])) == wordnet
    assert ("meteor_exact_stem" in metrics.answer_scores("Paris", ["Paris"])) != wordnet


@pytest.mark.parametrize("named", ["", f"elsewhere{os.pathsep}~/other"])
def test_wordnet_is_looked_for_where_nltk_looks_and_without_it(named: str) -> None:
    code = (
        "import sys; from harness_tasks import metrics; from harness_tasks.metrics import _wordnet\n"
        "metrics.signatures('answers'); asked = 'nltk' in sys.modules; import nltk\n"
        "print(asked == any((one / 'corpora').exists() for one in _wordnet._search_path()))\n"
        "print([str(one) for one in _wordnet._search_path()] == nltk.data.path)"
    )
    environment = {name: value for name, value in os.environ.items() if name != _wordnet.VARIABLE}
    environment["NLTK_DATA"] = named
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


def test_a_corpus_in_a_folder_of_nltks_is_found(tmp_path: Path) -> None:
    for name in ("index.noun", "data.adj"):
        path = tmp_path / "corpora" / "wordnet" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("  1 This software and database is being provided to you\n  2 WordNet 3.0 Copyright 2006\n")
    code = "from harness_tasks import metrics; print(metrics.meteor_name(), metrics.signatures('answers')['meteor'])"
    environment = {name: value for name, value in os.environ.items() if name != _wordnet.VARIABLE}
    environment["NLTK_DATA"] = str(tmp_path)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("meteor ")
    assert done.stdout.rstrip().endswith(",wordnet-3.0")


def test_meteor_of_nltks_documented_example(wordnet: bool) -> None:
    value = metrics.meteor_score(SAID, [WANTED])
    print(f"{metrics.meteor_name()} {value:.4f} ({metrics.signatures('answers')[metrics.meteor_name()]})")
    assert value == pytest.approx(0.6944, abs=5e-5)


@pytest.mark.parametrize(
    ("said", "wanted", "value"),
    [
        ("The cat sat on the mat", "The cat sat on the mat", 1 - 0.5 / 6**3),  # .99769
        ("on the mat sat the cat", "the cat sat on the mat", 0.5),  # six words in six pieces
        ("The cat was sat on the mat", "The cat sat on the mat", 0.96539),
        (*CREATES, 0.78065),
        ("other words", "The cat", 0.0),
        ("", "The cat", 0.0),
    ],
)
def test_meteor_of_documented_cases(wordnet: bool, said: str, wanted: str, value: float) -> None:
    assert metrics.meteor_score(said, [wanted]) == pytest.approx(value, abs=5e-6)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 8])
def test_the_ceiling_of_meteor(wordnet: bool, count: int) -> None:
    text = " ".join(f"word{i}" for i in range(count))
    assert metrics.meteor_score(text, [text]) == pytest.approx(1 - 0.5 / count**3)


def test_meteor_takes_the_best_reference(wordnet: bool) -> None:
    assert metrics.meteor_score("Denver", ["the Denver Broncos team", "denver"]) == 0.5


def test_synonyms_are_looked_up_by_stem(wordnet: bool) -> None:
    # "physician" has the stem "physician"; "automobile" has "automobil", which is no word.
    assert metrics.meteor_score("physician", ["doctor"]) == (0.5 if wordnet else 0.0)
    assert metrics.meteor_score("car", ["automobile"]) == 0.0


def test_a_variable_that_names_no_wordnet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_wordnet.VARIABLE, "nowhere")
    with pytest.raises(UserError) as caught:
        metrics.meteor_name()
    assert str(caught.value) == (
        "Found: AFTERTUNE_WORDNET names 'nowhere', which is not a folder with WordNet's files (it lacks index.noun)\n"
        "Why it matters: METEOR takes its synonyms from there\n"
        "To mend it: name the folder that holds index.noun and data.noun, or unset AFTERTUNE_WORDNET"
    )


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an apt-get that downloads a package, and a dpkg-deb that unpacks made-up WordNet files from it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    files = " ".join(_wordnet._NEEDED)
    scripts = {
        "apt-get": 'test "$*" = "download wordnet-base" && touch wordnet-base_3.0-37_all.deb',
        "dpkg-deb": 'test "$1 $2" = "--extract wordnet-base_3.0-37_all.deb" && mkdir -p "$3/usr/share/wordnet" && '
        f'cd "$3/usr/share/wordnet" && for file in {files}; do echo "1 WordNet 3.0 Copyright 2006" > $file; done',
    }
    for name, script in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return programs


def test_wordnet_is_unpacked_from_debians_package(debian: Path, tmp_path: Path) -> None:
    into = tmp_path / "environment" / "share" / "wordnet"
    assert fetch_wordnet(into) is None
    assert _wordnet.lacking(into) == []
    assert _wordnet._version(into / "data.adj") == "3.0"
    assert [path.name for path in into.parent.iterdir()] == ["wordnet"]  # nothing is left beside it


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'E: Unable to locate package wordnet-base' >&2; exit 100", "Unable to locate package wordnet-base"),
        ("exit 0", "dpkg-deb found no package"),
        ("touch other.deb", "dpkg-deb --extract: it failed without a word"),
    ],
)
def test_where_wordnet_cannot_be_had_the_variant_is_named(
    debian: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: str,
    said: str,
) -> None:
    (debian / "apt-get").write_text(f"#!/bin/sh\n{script}\n")
    monkeypatch.setattr(_wordnet, "find_wordnet", lambda: None)
    monkeypatch.setattr(_wordnet, "ENVIRONMENT", tmp_path / "wordnet")
    fetch_main()
    printed = capsys.readouterr().err
    assert said in printed
    assert "is called meteor_exact_stem" in printed
    assert list(tmp_path.iterdir()) == [debian]
    monkeypatch.setenv("PATH", str(tmp_path))
    fetch_main()
    assert "there is no apt-get here" in capsys.readouterr().err


def test_the_list_of_lexicographer_files_is_wordnets() -> None:
    lines = _wordnet._lexnames().splitlines()
    assert len(lines) == 45
    assert (lines[0], lines[3], lines[29], lines[44]) == (
        "00\tadj.all\t3",
        "03\tnoun.Tops\t1",
        "29\tverb.body\t2",
        "44\tadj.ppl\t3",
    )


FOX = "The quick brown fox jumps over the lazy dog"
LOG = "The quick brown dog jumps on the log."


def test_rouge_of_its_documented_example() -> None:
    found = metrics.rouge_scores(LOG, [FOX])
    assert found["rouge1"] == pytest.approx(0.70588, abs=5e-6)  # 6 of 8 and 6 of 9 words
    assert found["rouge2"] == pytest.approx(0.26667, abs=5e-6)
    assert found["rougeL"] == pytest.approx(0.58824, abs=5e-6)


def test_rouge_of_several_references_is_the_mean_of_the_best() -> None:
    items = [("hello there", ["hello", "there"]), ("general kenobi", ["general kenobi", "general yoda"])]
    scores = [metrics.rouge_scores(*item) for item in items]
    means = {kind: sum(score[kind] for score in scores) / 2 for kind in ("rouge1", "rouge2", "rougeL")}
    assert means == pytest.approx({"rouge1": 0.8333, "rouge2": 0.5, "rougeL": 0.8333}, abs=5e-5)


@pytest.mark.parametrize(
    ("said", "wanted", "rouge1", "rouge2"),
    [
        ("running dogs", "run dog", 0.0, 0.0),  # 1.0 with a stemmer
        ("Paris", "Paris", 1.0, 0.0),  # there is no pair of words in one word
        ("Москва", "Москва", 0.0, 0.0),  # no letter of it is one of a to z
        ("", "Paris", 0.0, 0.0),
    ],
)
def test_rouges_traps(said: str, wanted: str, rouge1: float, rouge2: float) -> None:
    found = metrics.rouge_scores(said, [wanted])
    assert (found["rouge1"], found["rouge2"]) == (rouge1, rouge2)


def test_a_stemmer_would_match_what_is_not_matched_here() -> None:
    stemmed = RougeScorer(["rouge1"], use_stemmer=True).score("run dog", "running dogs")
    assert stemmed["rouge1"].fmeasure == 1.0


@given(ITEMS)
@settings(deadline=None)
def test_rouge_against_the_libraries_own_choice_of_references(items: list[tuple[str, list[str]]]) -> None:
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    for said, answers in items:
        theirs = scorer.score_multi(answers, said)
        assert metrics.rouge_scores(said, answers) == {kind: score.fmeasure for kind, score in theirs.items()}


def sacrebleus(items: list[tuple[str, list[str]]]) -> float:
    """The corpus score by sacrebleu itself, which wants references by their place, with None where one lacks."""
    most = max(len(answers) for _, answers in items)
    references = [[answers[i] if i < len(answers) else None for _, answers in items] for i in range(most)]
    return BLEU(effective_order=True).corpus_score([said for said, _ in items], references).score


@given(ITEMS)
@settings(deadline=None)
def test_corpus_bleu_is_sacrebleus(items: list[tuple[str, list[str]]]) -> None:
    ours = metrics.corpus_bleu([metrics.bleu_statistics(*item) for item in items])
    assert ours == pytest.approx(sacrebleus(items), abs=1e-9)


def test_bleu_of_the_documented_two_sentences() -> None:
    items = [
        ("hello there general kenobi", ["hello there general kenobi", "hello there !"]),
        ("foo bar foobar", ["foo bar foobar"]),
    ]
    counts = [metrics.bleu_statistics(*item) for item in items]
    assert metrics.corpus_bleu(counts) == pytest.approx(100)
    assert counts == [[4, 4, 4, 3, 2, 1, 4, 3, 2, 1], [3, 3, 3, 2, 1, 0, 3, 2, 1, 0]]


def test_perfect_short_answers_score_100_and_0_without_the_effective_order() -> None:
    for answers in (["Paris"], ["Denver Broncos"], ["Bruno Mars , 1985"]):
        counts = [metrics.bleu_statistics(answer, [answer]) for answer in answers]
        assert metrics.corpus_bleu(counts) == pytest.approx(100)
    assert BLEU().corpus_score(["Paris"], [["Paris"]]).score == 0.0


def test_bleu_by_hand() -> None:
    # "the cat" of "the cat sat": 2 of 2 words, 1 of 1 pairs, brevity exp(1 - 3/2).
    assert metrics.corpus_bleu([metrics.bleu_statistics("the cat", ["the cat sat"])]) == pytest.approx(
        100 * math.exp(-0.5)
    )
    # 1 of 2 words; no pair matches, which is smoothed to a half of one: sqrt(50 * 50).
    assert metrics.corpus_bleu([metrics.bleu_statistics("the dog", ["the cat"])]) == pytest.approx(50)


def test_bleu_needs_items_of_ten_counts() -> None:
    with pytest.raises(ValueError, match="BLEU needs items of 10 counts each, not 0"):
        metrics.corpus_bleu([])
    with pytest.raises(ValueError, match="BLEU needs items of 10 counts each, not 2"):
        metrics.corpus_bleu([[1, 1]])
    assert metrics.corpus_bleu([[0, 2, 0, 0, 0, 0, 0, 0, 0, 0]]) == 0.0
