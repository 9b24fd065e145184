"""Guards of training itself: most hold by design, one is counted, and some can be judged only afterwards."""

from finetune.guards.evidence import Evidence
from finetune.recipe import ADAPTER_METHODS
from harness_tasks.errors import UserError
from harness_tasks.guards.verdicts import Verdict

_EMBEDDINGS = {"lm_head", "embed_tokens", "embed_out", "wte"}
"""The modules, by the names that models give them, whose matrix is the same one where embeddings are tied."""


def accumulation(evidence: Evidence) -> Verdict:
    """Holds by design: gradient accumulation does not change the gradients of a step."""
    parts = evidence.prepared.run.recipe.gradient_accumulation_steps
    found = "the loss of a step is its sum over all items, divided by their number in all parts and processes"
    return Verdict("accumulation", "by-design", f"{found}; parts here: {parts}")


def resume_order(evidence: Evidence) -> Verdict:
    """Holds by design: a resumed run has the batches that it would have had."""
    return Verdict("resume-order", "by-design", "the order of the rows is a function of the seed and the epoch alone")


def head_saved(evidence: Evidence) -> Verdict:
    """Is judged after training: the checkpoint holds all that was trained, a head included."""
    found = "the checkpoint is loaded in a process of its own, and its logits compared with the trained model's"
    return Verdict("head-saved", "after-training", found)


def trainable_count(evidence: Evidence) -> Verdict:
    """Fails where the trainable parameters are none, or not as many as the closed form says."""
    id_, method = "trainable-count", evidence.prepared.run.method
    try:
        ledger = evidence.ledger
    except UserError as error:
        return Verdict(id_, "fail", error.found, error.why, error.mend)
    expected = ledger.closed_form_trainable(method)
    if not ledger.trainable or (expected is not None and expected != ledger.trainable):
        return Verdict(
            id_,
            "fail",
            f"{ledger.trainable:,} parameters would be trained, and {method} trains {expected or 'some'}",
            "an adapter without modules trains nothing, and the loss of a new head falls anyway",
            "correct --lora-targets and --lora-last-layers",
        )
    how = "by the count and by the closed form" if expected is not None else "counted; no closed form is known"
    return Verdict(id_, "pass", f"{ledger.trainable:,} of {ledger.total:,} parameters are trained, {how}")


def tied_embeddings(evidence: Evidence) -> Verdict:
    """Fails where an adapter is put on one of two tied matrices, the embeddings or the output."""
    prepared, id_ = evidence.prepared, "tied-embeddings"
    run = prepared.run
    tied = bool(prepared.config.get_text_config().tie_word_embeddings) and run.head == "causal"
    if not tied:
        return Verdict(id_, "pass", "the head is a matrix of its own")
    if run.method not in ADAPTER_METHODS:
        return Verdict(id_, "pass", "embeddings and head are one matrix, trained and saved as one")
    wrong = [name for name in run.recipe.named_targets or () if name.rpartition(".")[2] in _EMBEDDINGS]
    if wrong:
        return Verdict(
            id_,
            "fail",
            f"--lora-targets names {', '.join(wrong)}, and the model's head is its embedding matrix",
            "the adapter would change one of the two uses, and a merge or a reload the other one too, or neither",
            f"leave {', '.join(wrong)} out of --lora-targets",
        )
    return Verdict(id_, "pass", "embeddings and head are one matrix, and the adapter is on neither")


def packing(evidence: Evidence) -> Verdict:
    """Holds by design: no row attends to another."""
    if evidence.prepared.formulation.SHARES_PREFIXES:
        found = "rows are not packed; those with a common beginning share it, and what follows sees it and itself alone"
    else:
        found = "rows are not packed: each is a sequence by itself"
    return Verdict("packing", "by-design", found)


def precision(evidence: Evidence) -> Verdict:
    """Holds by design: trained weights are float32, so that none loses its updates to rounding."""
    run = evidence.prepared.run
    found = f"what is trained is float32; {run.dtype} is for " + (
        "the products of its matrices" if run.method == "full" else "the frozen weights"
    )
    return Verdict("precision", "by-design", found)


def cache(evidence: Evidence) -> Verdict:
    """Holds by design: no token ids are cached."""
    return Verdict("cache", "by-design", "token ids are kept nowhere: every run renders its rows again")


def below_majority(evidence: Evidence) -> Verdict:
    """Is judged after training: the accuracy is at least that of the majority class."""
    found = "where there are labels to choose from, the accuracy on some rows is compared with the commonest label's"
    return Verdict("below-majority", "after-training", found)


def loss_shape(evidence: Evidence) -> Verdict:
    """Is judged after training: the loss is finite and falls."""
    return Verdict("loss-shape", "after-training", "the loss curve is checked: finite throughout, and lower at the end")


def never_stops(evidence: Evidence) -> Verdict:
    """Is judged after training: generations end before `max_gen_toks`."""
    found = "where answers are written, some are, and must end before the limit of tokens"
    return Verdict("never-stops", "after-training", found)
