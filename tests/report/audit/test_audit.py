"""`aftertune audit`: the seed's claims, the command line, facts, and the texts of errors in claims files."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file
from report.audit import audit_claims, audit_facts
from report.audit.claims import KINDS, Adapter, AnyClaim, Architecture, Claims
from report.audit.claims_file import read_claims
from report.audit.outcome import ClaimVerdict
from report.commands.audit import audit

ROOT = Path(__file__).resolve().parents[3]
SEED = ROOT / "studies" / "seed-claims.yaml"
CONFIG = ROOT / "tests" / "data" / "llama-3.2-1b" / "config.json"

app = typer.Typer()
app.command()(audit)

# The verified card of distilbert-base-uncased-finetuned-sst-2-english, over SST-2's 872 development sentences.
DISTILBERT = """\
title: A card
claims:
  - id: card
    kind: classification_scores
    where: the card's table
    quote: accuracy 0.9106, precision 0.8978, recall 0.9302
    accuracy: "0.9106"
    precision: "0.8978"
    recall: "0.9302"
    n: 872
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "claims.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def run(path: Path, *options: str) -> Any:
    return CliRunner().invoke(app, [str(path), *options])


@pytest.fixture(scope="module")
def seed() -> dict[str, ClaimVerdict]:
    return {verdict.id: verdict for verdict in audit_claims(SEED)}


def test_the_seeds_scores_have_exactly_one_matrix_each(seed: dict[str, ClaimVerdict]) -> None:
    assert [tuple(matrix) for matrix in seed["sst2-zero-shot"].matrices] == [(7089, 5674, 444, 263)]
    assert [tuple(matrix) for matrix in seed["sst2-fine-tuned"].matrices] == [(7200, 326, 333, 5611)]
    for name in ("sst2-zero-shot", "sst2-fine-tuned"):
        assert seed[name].verdict == "holds"
        assert "exactly one confusion matrix" in seed[name].arithmetic
    assert "12,763 of 13,470 answers are positive (94.8 %)" in seed["sst2-zero-shot"].arithmetic


def test_the_seeds_count_is_judged_by_no_head_that_it_does_not_name(seed: dict[str, ClaimVerdict]) -> None:
    """The write-up never says with what head it fine-tuned: as a causal LM its count is right."""
    found = seed["sst2-parameters"]
    assert found.verdict == "holds"
    assert "No head is named." in found.arithmetic
    assert (
        "as a causal language model 1,235,814,400; with a sequence-classification head for 2 labels 1,235,818,496"
        in (found.arithmetic)
    )
    assert found.arithmetic.endswith("The number given is that of the whole model as a causal language model.")
    assert {seed[name].verdict for name in ("base-total", "base-trainable", "pre-trained-parameters")} == {"holds"}


def test_a_count_is_judged_by_the_head_that_is_named(tmp_path: Path) -> None:
    named = "    model: Llama3.2-1B\n    head: sequence-classification\n    labels: 2\n    count"
    text = SEED.read_text(encoding="utf-8").replace("    model: Llama3.2-1B\n    count", named)
    found = {verdict.id: verdict for verdict in audit_claims(written(tmp_path, text))}
    assert found["sst2-parameters"].verdict == "impossible"
    assert "nearest possible number is 1,235,818,496" in found["sst2-parameters"].arithmetic
    assert "the one given is 4,096 fewer" in found["sst2-parameters"].arithmetic
    assert (
        "1,235,814,400 is the number of Llama3.2-1B as a causal language model" in found["sst2-parameters"].arithmetic
    )
    assert "The figure of sst2-parameters is itself impossible." in found["parameters-same"].arithmetic


def test_the_seeds_sentence_contradicts_the_counts_above_it(seed: dict[str, ClaimVerdict]) -> None:
    found = seed["parameters-not-same"]
    assert found.verdict == "impossible"
    assert "“Number of parameters in pre-trained model: **1,235,814,400**”" in found.arithmetic
    assert "1,235,814,400, 1,235,814,400 are equal" in found.arithmetic
    assert "Answer 7b says the opposite: “Number of parameters remains the same.”" in found.arithmetic
    assert seed["parameters-same"].verdict == "holds"


def test_the_seeds_empty_cells_are_missing(seed: dict[str, ClaimVerdict]) -> None:
    missing = {name for name, verdict in seed.items() if verdict.verdict == "missing"}
    assert missing == {"squad-code", "squad-zero-shot", "squad-fine-tuned", "squad-parameters", "third-explanation"}
    assert seed["squad-parameters"].arithmetic == (
        "Asked for and left empty: the number of parameters of the model fine-tuned on SQuAD."
    )


def test_the_seeds_quotes_are_word_for_word() -> None:
    write_up = ROOT.parent / "shared" / "seed" / "assignment-writeup.md"
    if not write_up.is_file():
        pytest.skip("the write-up is not beside the repository")
    text = write_up.read_text(encoding="utf-8")
    assert [claim.id for claim in read_claims(SEED).claims if claim.quote.strip() not in text] == []


def test_the_seeds_architecture_is_the_published_one(tmp_path: Path) -> None:
    path = written(tmp_path, f"title: a\nmodels: {{it: {CONFIG}}}\n" + DISTILBERT.split("\n", 1)[1])
    published = read_claims(path).models["it"].model_dump(exclude_none=True)
    assert read_claims(SEED).models["Llama3.2-1B"].model_dump(exclude_none=True).items() <= published.items()


def test_exit_codes(tmp_path: Path) -> None:
    assert run(SEED).exit_code == 1
    holding = run(written(tmp_path, DISTILBERT))
    assert holding.exit_code == 0
    assert "HOLDS: card (the card's table)\n  “accuracy 0.9106, precision 0.8978, recall 0.9302”" in holding.stdout
    assert "TP 413 FP 47 FN 31 TN 381" in holding.stdout
    assert holding.stdout.endswith("holds: 1, impossible: 0, cannot be told: 0, missing: 0\n")
    assert run(written(tmp_path, DISTILBERT.replace("n: 872", "n: 871"))).exit_code == 1
    wrong = run(tmp_path / "none.yaml")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert [line.partition(":")[0] for line in wrong.stderr.splitlines()] == ["Found", "Why it matters", "To mend it"]


def test_json_has_a_verdict_a_claim() -> None:
    verdicts = json.loads(run(SEED, "--json").stdout)
    assert [verdict["id"] for verdict in verdicts] == [claim.id for claim in read_claims(SEED).claims]
    assert set(verdicts[0]) == {"id", "where", "quote", "verdict", "arithmetic", "matrices"}
    zero_shot = next(verdict for verdict in verdicts if verdict["id"] == "sst2-zero-shot")
    assert zero_shot["matrices"] == [
        {"true_positive": 7089, "false_positive": 5674, "false_negative": 444, "true_negative": 263}
    ]


def test_facts_name_their_place_in_the_claims_file() -> None:
    facts = audit_facts(SEED).as_json()
    digest = sha256_file(SEED)
    third = facts["claims"][3]
    assert third["quote"]["source"] == {"file": "seed-claims.yaml", "pointer": "/claims/3/quote", "sha256": digest}
    assert third["matrices"][0]["true_positive"] == {
        "value": 7089,
        "unit": "count",
        "source": {"file": "seed-claims.yaml", "pointer": "/claims/3", "sha256": digest},
    }
    counts = {name: fact["value"] for name, fact in facts["counts"].items()}
    assert counts == {"holds": 7, "impossible": 1, "cannot_be_told": 0, "missing": 5}
    assert sum(counts.values()) == len(facts["claims"])
    assert "url" not in facts


def test_no_torch_is_imported() -> None:
    code = (
        "import sys; from report.audit import audit_facts; audit_facts(sys.argv[1]);"
        "print([name for name in ('torch', 'transformers', 'peft', 'datasets', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(SEED)], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_statements_and_differences_take_figures_of_other_claims(tmp_path: Path) -> None:
    text = DISTILBERT + (
        "  - {id: base, kind: bounded, where: table, quote: 'accuracy 0.5092', value: '0.5092', scale: 0-1, n: 872}\n"
        "  - {id: gain, kind: difference, where: text, quote: 'better by 40.14 points: 40.14 %',\n"
        "     before: base.value, after: card.accuracy, stated: '40.14 %'}\n"
        "  - {id: better, kind: statement, where: text, quote: it improves, says: higher,\n"
        "     figures: [base.value, card.accuracy]}\n"
    )
    verdicts = audit_claims(written(tmp_path, text))
    assert [verdict.verdict for verdict in verdicts] == ["holds"] * 4
    assert "444 / 872 = 0.5092" in verdicts[1].arithmetic
    assert "0.9106 − 0.5092 = 0.4014; 40.14 % is stated" in verdicts[2].arithmetic


@pytest.mark.parametrize("figure", ["nan", "93.6/93.3", "—", "OOM", "8x7B"])
def test_what_is_no_number_is_not_accused_and_does_not_end_the_file(tmp_path: Path, figure: str) -> None:
    text = (
        "title: A table\n"
        "claims:\n"
        f'  - {{id: odd, kind: bounded, where: row 1, quote: "accuracy {figure}", value: "{figure}", scale: "0-1"}}\n'
        '  - {id: plain, kind: bounded, where: row 2, quote: "accuracy 1.2", value: "1.2", scale: "0-1"}\n'
        '  - {id: change, kind: difference, where: text, quote: "up by 0.1", before: odd.value, after: plain.value,\n'
        '     stated: "0.1"}\n'
        "  - {id: rise, kind: statement, where: text, quote: up, says: higher, figures: [odd.value, plain.value]}\n"
    )
    verdicts = {verdict.id: verdict for verdict in audit_claims(written(tmp_path, text))}
    assert verdicts["odd"].arithmetic == f"{figure!r} is no number that can be read here."
    words = {name: verdict.verdict for name, verdict in verdicts.items()}
    untold = "cannot be told"
    assert words == {"odd": untold, "plain": "impossible", "change": untold, "rise": untold}


@pytest.mark.parametrize(
    ("old", "new", "found", "mend"),
    [
        ("precision:", "precison:", "unknown key `claims.card.precison`", "write `precision`"),
        ("title: A card", "titel: A card", "unknown key `titel`", "write `title`"),
        ("    n: 872", "    n: 0", "`claims.card.n` is 0: Input should be greater than or equal to 1", "CLAIMS.md"),
        ("    n: 872", "    n: '872'", "`claims.card.n` is '872': Input should be a valid integer", "CLAIMS.md"),
        ('"0.9106"', "0.9106", "`claims.card.accuracy` is the bare number 0.9106", "quotation marks"),
        ('"0.9106"', '"0.9 or so"', "card has accuracy 0.9 or so, which its quote does not contain", "digit by digit"),
        ('"0.9106"', '""', "`claims.card.accuracy` is ''", "CLAIMS.md"),
        ('"0.9106"', '"0.910"', "card has accuracy 0.910, which its quote does not contain", "digit by digit"),
        ("classification_scores", "classification_score", "unknown kind classification_score", "write kind: classi"),
        ("    kind: classification_scores\n", "", "`claims.card` has no kind", "give one (the kinds: classification"),
        ("id: card", "id: My Card", "`claims.My Card.id` is 'My Card'", "CLAIMS.md"),
        ("    n: 872", "    n: 872\n    positives: 900", "900 positives among 872 items", "correct `n`"),
        ("claims:", "claim:", "unknown key `claim`", "write `claims`"),
        (DISTILBERT.split("claims:\n")[1], "  - 5\n", "`claims.0` is 5", "CLAIMS.md"),
        (DISTILBERT.split("claims:\n")[1], "  5\n", "`claims` is 5", "CLAIMS.md"),
        ("  - id: card\n    kind:", "  - kind:", "lacks the key `claims.0.id`", "add `id:`"),
        ("title: A card\n", "", "lacks the key `title`", "add `title:`"),
        ("title: A card", "- a\n- b", "cannot be read as YAML", "correct what the message names"),
        (
            "title: A card\n",
            "title: A card\nmodels: {it: none.json}\n",
            "none.json is missing",
            "path of a model's",
        ),
        (
            "title: A card\n",
            "title: A card\nmodels: {it: {hidden: 8}}\n",
            "unknown key `models.it.hidden`",
            "hidden_size",
        ),
    ],
)
def test_errors_in_claims_files(tmp_path: Path, old: str, new: str, found: str, mend: str) -> None:
    assert old in DISTILBERT
    with pytest.raises(UserError) as caught:
        read_claims(written(tmp_path, DISTILBERT.replace(old, new, 1)))
    assert found in caught.value.found
    assert mend in caught.value.mend


@pytest.mark.parametrize(
    ("claim", "found", "mend"),
    [
        ("kind: statement, says: equal, figures: [card.accuracy, card.acuracy]",
         "names the figure card.acuracy", "write card.accuracy (known: card.accuracy, card.precision, card.recall)"),
        ("kind: statement, says: equal, figures: [card.accuracy]", "`claims.two.figures` is", "CLAIMS.md"),
        ("kind: difference, before: card.f1, after: '1', stated: '1'", "names the figure card.f1", "card.recall"),
        ("kind: parameters, count: '1', model: llama", "names the model llama", "add it to `models:` (known: none)"),
        ("kind: parameters, count: '1', model: m, adapter: {rank: 8}", "unknown key `claims.two.adapter.rank`",
         "(known here: method, r, targets, layers, alpha,"),
        ("kind: parameters, count: '1', model: m, head: clasification", "`claims.two.head`", "CLAIMS.md"),
        ("kind: classification_scores, n: 1", "two has no score", "kind missing"),
        ("kind: missing", "lacks the key `claims.two.asked`", "add `asked:`"),
    ],
)  # fmt: skip
def test_errors_in_a_second_claim(tmp_path: Path, claim: str, found: str, mend: str) -> None:
    with pytest.raises(UserError) as caught:
        read_claims(written(tmp_path, f"{DISTILBERT}  - {{id: two, where: text, quote: '1', {claim}}}\n"))
    assert found in str(caught.value)
    assert mend in caught.value.mend


def test_two_claims_need_two_names_and_only_classifiers_have_labels(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="two claims called card"):
        read_claims(written(tmp_path, DISTILBERT + DISTILBERT.split("claims:\n")[1]))
    text = SEED.read_text(encoding="utf-8").replace(
        "    model: Llama3.2-1B\n", "    model: Llama3.2-1B\n    labels: 2\n", 1
    )
    with pytest.raises(UserError, match="the head causal and 2 labels"):
        read_claims(written(tmp_path, text.replace("    labels: 2\n", "    labels: 2\n    head: causal\n")))


def test_a_share_needs_a_model_or_two_numbers(tmp_path: Path) -> None:
    share = "  - {id: s, kind: trainable_share, where: log, quote: 'trainable: 0.07 % of 100', share: '0.07 %'%s}\n"
    with pytest.raises(UserError, match="s has neither a model nor both trainable and total"):
        read_claims(written(tmp_path, DISTILBERT + share.replace("%s", ", total: '100'")))
    with pytest.raises(UserError, match="names the model llama"):
        read_claims(written(tmp_path, DISTILBERT + share.replace("%s", ", model: llama")))


@pytest.mark.parametrize("name", ["11-claims-peft-all-params.yaml", "14-claims-without-n.yaml"])
def test_claims_that_were_refused_or_called_impossible(name: str) -> None:
    verdicts = audit_claims(ROOT / "tests" / "data" / "cases" / name)
    assert verdicts
    assert {verdict.verdict for verdict in verdicts} == {"holds"}


def test_a_configuration_of_any_kind_is_read(tmp_path: Path) -> None:
    """Its keys may be anything: a list a layer, nested parts. Nothing is told of it, and nothing else is refused."""
    config = tmp_path / "config.json"
    config.write_text('{"model_type": "openelm", "num_attention_heads": [12, 16], "text_config": {}}', encoding="utf-8")
    claim = "  - {id: p, kind: parameters, where: t, quote: '1.1B', count: 1.1B, model: it}\n"
    text = f"title: a\nmodels: {{it: config.json}}\n{DISTILBERT.split(chr(10), 1)[1]}{claim}"
    verdicts = audit_claims(written(tmp_path, text))
    assert [verdict.verdict for verdict in verdicts] == ["holds", "cannot be told"]
    assert "No closed form is known for the architecture openelm" in verdicts[1].arithmetic


def test_every_key_is_described() -> None:
    text = (ROOT / "studies" / "CLAIMS.md").read_text(encoding="utf-8")
    sections = {"## Keys": Claims, "### `models: <name>:`": Architecture, "### Every claim": AnyClaim}
    sections |= {f"### `kind: {name}`": kind for name, kind in KINDS.items()}
    common = {*AnyClaim.model_fields, "kind"}
    for heading, model in sections.items():
        rows = [line.split("|")[1] for line in text.split(f"{heading}\n", 1)[1].split("\n#", 1)[0].splitlines()
                if line.startswith("| `")]  # fmt: skip
        described = {name.strip(" `") for row in rows for name in row.split(",")}
        expected = common if model is AnyClaim else set(model.model_fields) - (common if "kind" in heading else set())
        assert described == expected, heading
    assert [key for key in Adapter.model_fields if f"`{key}`" not in text] == []


def test_an_architecture_that_is_not_known_may_have_any_key(tmp_path: Path) -> None:
    text = (
        "title: Experts\nmodels:\n  mixtral: {model_type: mixtral, num_local_experts: 8, rope_theta: 1.0e+6}\n"
        "claims:\n  - {id: size, kind: parameters, where: card, quote: 46.7B, count: 46.7B, model: mixtral}\n"
    )
    (verdict,) = audit_claims(written(tmp_path, text))
    assert (verdict.verdict, "architecture mixtral" in verdict.arithmetic) == ("cannot be told", True)


def test_a_method_is_known_however_it_is_written_and_a_bound_says_itself(tmp_path: Path) -> None:
    text = (
        "title: LoRA\nmodels:\n  gpt2: {model_type: gpt2, n_embd: 768, n_layer: 12, vocab_size: 50257}\nclaims:\n"
        "  - {id: share, kind: trainable_share, where: text, quote: less than 1% is trained, share: less than 1%,\n"
        "     model: gpt2, adapter: {method: LoRA, r: 8, targets: [c_attn]}}\n"
        "  - {id: times, kind: trainable_share, where: text, quote: 400x fewer, share: 400x, model: gpt2}\n"
    )
    # 12 layers × 8 × (768 + 2,304) = 294,912 of 124,734,720.
    share, times = audit_claims(written(tmp_path, text))
    assert (share.verdict, "0.2364 %" in share.arithmetic) == ("holds", True)
    assert (times.verdict, "how many times" in times.arithmetic) == ("cannot be told", True)


def test_settings_of_an_adapter_that_change_no_number_may_stand(tmp_path: Path) -> None:
    """DistilBERT with LoRA of rank 4 on q_lin: 36,864, and the head's 592,130, which peft trains whole."""
    text = (
        "title: LoRA\nmodels:\n  m: {model_type: distilbert, dim: 768, hidden_dim: 3072, n_layers: 6,"
        " vocab_size: 30522}\nclaims:\n"
        "  - {id: size, kind: parameters, of: trainable, where: text, quote: '628,994', count: '628,994', model: m,\n"
        "     head: sequence-classification, labels: 2,\n"
        "     adapter: {r: 4, alpha: 32, dropout: 0.01, bias: none, targets: [q_lin], modules_to_save: [classifier]}}\n"
    )
    (verdict,) = audit_claims(written(tmp_path, text))
    assert verdict.verdict == "holds"
