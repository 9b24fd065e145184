"""The facts' names: what a template may write, and what each is; templates/README.md is made of this.

A leaf is `unit: what it is`; a plain value has the unit `word`, `yes or no` or `rows`. A key that ends in `[]` holds a
list. A shape that several facts share stands once, under a name of its own.
"""

from collections.abc import Mapping
from typing import Any

Names = Mapping[str, Any]

COMPONENT: Names = {
    "component": "text: what the row counts",
    "counted": "count: its parameters, counted one by one",
    "closed_form": "count: what its formula gives",
    "formula": "text: that formula",
    "trainable": "count: its parameters that are trained",
}

LEDGER: Names = {
    "absent": "only where they were not counted: the reason",
    "total": "count: all parameters",
    "trainable": "count: those that are trained",
    "added": "count: those that the base model has not",
    "tied": "count: those that two parts share",
    "trained_share": "share: trained ones of all",
    "components[]": COMPONENT,
}

SETTING: Names = {"name": "text: its name", "value": "setting: its value"}

MOVED: Names = {
    "tensors": "count: trained matrices in it",
    "mean": "share: how far they moved on average, relative to their size",
    "largest": "share: how far the one that moved most did",
}

CLASSIFICATION: Names = {
    "true_positive": "count: positive items that were called positive",
    "false_positive": "count: negative items that were called positive",
    "false_negative": "count: positive items that were not",
    "true_negative": "count: negative items that were not",
    "wrong": "count: wrong answers",
    "predicted_share": "share: positive answers of all",
    "gold_share": "share: positive items of all",
    "bias": "share: the first of these less the second",
    "prior": {
        "absent": "only where it is not known: the reason",
        "share": "share: the probability of the label without a text",
        "even": "share: that of a model that leans to no side",
        "label": "text: the label",
        "inputs[]": {"input": "text: what stood in the text's place", "share": "share: the probability there"},
    },
    "calibration": {
        "absent": "only where it is not known: the reason",
        "confidence": "share: the probability of the given answers on average",
        "right": "share: right answers of all",
        "overconfidence": "share: the first of these less the second",
        "bins[]": {
            "lower": "share: where the bin begins",
            "upper": "share: where it ends",
            "scored": "count: items in it",
            "confidence": "share: the probability of their answers on average",
            "right": "share: right ones of them",
        },
    },
    "ties": "count: items whose two highest log-likelihoods are equal",
    "ties_correct": "count: those of them that are correct because the first of equal choices counts",
    "truncated": "count: prompts that had to be cut",
}

EXTRACTION: Names = {
    "abstained": "share: questions left unanswered",
    "abstained_answerable": "share: the same among those that have an answer",
    "abstained_unanswerable": "share: the same among those that have none",
    "answerable": "count: questions that have an answer",
    "unanswerable": "count: questions that have none",
    "contentless": "count: outputs without a word: punctuation or articles alone, which is no abstention",
    "contentless_credited": "count: those of them that score in full, their questions having no answer",
    "holds_more": "share: answers that hold the gold one and more",
    "words": "number: words of an answer on average",
    "gold_words": "number: words of a gold answer on average",
    "distributions": {
        "words": "curve: how many answers have how many words",
        "f1": "curve: how many answers have which score",
    },
    "truncated": "count: prompts that had to be cut",
    "cut_off": "count: answers that were cut off",
    "most_tokens": "count: tokens that an answer may have",
    "gold_too_long": "count: questions whose gold answers all have more tokens than that",
    "gold_cut": "count: questions of which the ceiling scores gold answers cut at that many tokens",
}

SIDE: Names = {
    "absent": "only where it was not scored: the reason",
    "diagnosis": {
        "classification": CLASSIFICATION,
        "extraction": EXTRACTION,
        "truncated": "count: prompts that had to be cut (a task of another kind)",
    },
    "above_floor": "score: the difference from the score without a model, on the same items",
    "dtype": "text: the number format in which it was scored",
    "model_class": "text: lm_eval's class that asked it",
    "softmax_dtype": "text: the dtype in which log-likelihoods were computed",
    "allowed": "text: guards of scoring that failed and were allowed",
}

EXAMPLE: Names = {
    "input": "text: the item",
    "gold": "text: the gold answer",
    "before": "text: the base model's answer",
    "after": "text: the checkpoint's answer",
}

SCORE: Names = {
    "metric": "word: the metric, as lm_eval calls it",
    "label": "text: the metric, as the page calls it",
    "primary": "yes or no: whether the task calls it its primary metric",
    "higher_is_better": "yes or no: whether higher is better; none where no file says it",
    "before": "score: the base model's",
    "after": "score: the checkpoint's",
    "difference": "score: the second less the first, paired item by item",
    "p_value": "p: of that difference",
    "p_method": "text: how it was computed",
    "adjusted": "p: after Holm's correction; primary metrics alone have one",
    "detectable": "score: the smallest difference that would be found",
    "before_place": "share: where between floor and ceiling the base model's lies",
    "after_place": "share: where the checkpoint's lies",
}

COMPARISON: Names = {
    "checkpoint": "text: its name",
    "trained_on": "text: the task that it was trained on",
    "method": "text: how",
    "seed": "setting: its training seed",
    "scores[]": SCORE,
    "methods[]": {
        "side": "text: of which number",
        "method": "text: how its interval or p-value was computed",
        "labels[]": "text: the metrics for which it was",
    },
    "after": SIDE,
    "refused": "only where the two may not be compared: the reason",
    "other_base": "only where it is not known to be made from the base model's weights: the reason",
    "transitions": {
        "label": "text: the metric by which an item is right or wrong",
        "fixed": "count: items that were wrong and are right",
        "broken": "count: items that were right and are wrong",
        "both_right": "count: items that were right and are",
        "both_wrong": "count: items that were wrong and are",
    },
    "examples": {f"{kind}[]": EXAMPLE for kind in ("fixed", "broken", "both_right", "both_wrong")},
    "shift": {"what": "text: which answers", "change": "share: how much of them more or less"},
    "overlap": {
        "absent": "only where it was not measured: the reason",
        "training_rows": "count: rows that were trained on",
        "grades[]": {
            "grade": "text: the kind of overlap",
            "meaning": "text: what counts as it",
            "scored": "count: scored items of it",
            "share": "share: of all scored items",
        },
        "some": "count: items with any overlap",
        "some_share": "share: of all scored items",
        "none": "count: items without",
        "parts[]": {
            "part": "text: which items",
            "scored": "count: how many",
            "before": "score: the base model's on them, in the primary metric",
            "after": "score: the checkpoint's",
            "difference": "score: the second less the first",
        },
    },
    "figures": dict.fromkeys(("moves", "confusion", "reliability", "distributions"), "text: the drawing's file"),
    "overlaps": "yes or no: whether the two tasks say that they share items",
}

TASK: Names = {
    "absent": "only where it was not scored: the reason",
    "task": "word: its name",
    "name": "text: its name",
    "about": "text: what is scored",
    "version": "setting: its version",
    "setting": "text: zero-shot, or how many worked examples the prompt has",
    "cluster": "text: the field by which items are clustered",
    "clustered": "yes or no: whether they are",
    "primary": "text: the primary metric, as the page calls it",
    "scored": "count: items that were scored",
    "available": "count: items that there are",
    "limited": "yes or no: whether only a part was scored",
    "kind": "word: classification, extraction or other",
    "positive": "text: what a classification calls its positive label",
    "text_licence": "text: the licence of its rows' text",
    "data": {
        "source": "text: where the rows come from",
        "name": "text: the data's name",
        "revision": "text: the data's revision",
        "splits[]": {
            "split": "text: its name",
            "fingerprint": "text: the digest of its rows",
            "rows": "count: how many",
            "compared_with": "text: what says that these are the rows of that name",
        },
    },
    "before": SIDE,
    "floor": {"score": "score: what needs no model, in the primary metric", "how": "text: how it is got"},
    "ranges[]": {
        "metric": "word: the metric, as lm_eval calls it",
        "label": "text: the metric, as the page calls it",
        "floor": "score: what needs no model",
        "how": "text: how that is got",
        "ceiling": "score: what the gold answers score",
        "signature": "text: what the metric is computed with",
    },
    "comparisons[]": COMPARISON,
    "over_tokens": {
        "points[]": {
            "checkpoint": "text: its name",
            "method": "text: how it was trained",
            "tokens": "count: training tokens that it read",
            "score": "score: its score in the primary metric",
        },
        "figure": "text: the drawing's file",
    },
}

CHECKPOINT: Names = {
    "absent": "only where it was not trained: the reason",
    "name": "text: its name",
    "task": "text: the task that it was trained on",
    "method": "text: how",
    "seed": "setting: its training seed",
    "parameters": LEDGER,
    "path": "text: its folder",
    "command": "text: what trained it",
    "commit": "text: of this project",
    "dtype": "text: the number format",
    "device": "text: what it was trained on",
    "steps": "count: steps of the optimiser",
    "tokens_input": "count: tokens that were read",
    "tokens_supervised": "count: tokens that the loss was taken of",
    "epochs": "number: passes through the rows",
    "seconds": "seconds: how long it took",
    "peak_memory": "bytes: memory that it took at most",
    "base_fingerprint": "text: the digest of the weights that it began with",
    "render_hash": "text: the digest of how prompts were rendered",
    "recipe[]": SETTING,
    "versions[]": SETTING,
    "data": {
        "source": "text: where the rows come from",
        "name": "text: the data's name",
        "fingerprint": "text: the digest of the rows",
        "revision": "text: the data's revision",
        "rows": "count: rows that were trained on",
        "rows_available": "count: rows that there are",
        "dropped[]": {"reason": "text: why rows were left out", "rows": "count: how many"},
    },
    "loss": {
        "curve": "curve: the loss by step",
        "first": "number: at the first step that was recorded",
        "last": "number: at the last one",
        "figure": "text: the drawing's file",
    },
    "development": {
        "curve": "curve: loss and accuracy on the development split by step and token",
        "chosen": "count: the step that was kept",
        "figure": "text: the drawing's file",
    },
    "resumed[]": "count: a step at which training went on after a break",
    "digest": "text: of its record",
    "train_rows_digest": "text: of the list of its rows",
    "hub": {
        "repo": "text: its name on the Hub",
        "url": "text: its page there",
        "commit": "text: what was pushed",
        "checked_at": "text: when the page was last seen",
        "published": "yes or no: whether it is there",
    },
    "changes": {
        "absent": "only where it was not recorded: the reason",
        "frozen": "count: tensors that were not to change",
        "frozen_changed": "count: those of them that did",
        "trained": "count: tensors that were to change",
        "trained_changed": "count: those of them that did",
        "adapted": "yes or no: whether an adapter stands beside the weights",
        "kinds[]": {"kind": "text: a kind of matrices", **MOVED},
        "layers[]": {"layer": "count: a layer's number", **MOVED},
        "grid": "curve: how far each kind moved in each layer",
        "figure": "text: the drawing's file",
    },
}

FACTS: Names = {
    "schema": "word: the version of these names",
    "study": {
        "name": "text: its name",
        "title": "text: its title",
        "file": "text: the study file",
        "folder": "text: the folder of its results",
        "why": "text: why the authors chose the model and the tasks, in their words",
        "authors[]": {"name": "text: who", "did": "text: what they did"},
        "seeds[]": "setting: a training seed",
        "methods[]": "text: a method of training",
        "sampling_seed": "setting: the seed that samples of rows were drawn with",
        "dtype": "text: the number format that the study asks for",
        "batch_size": "count: rows a batch when scoring",
        "digest": "text: of the study file",
    },
    "model": {
        "name": "text: the base model's name",
        "architecture": "text: its class",
        "licence": "text: its licence",
        "url": "text: its page",
        "source": "text: where the weights come from",
        "dequantised_from": "text: how they were stored, where they were stored quantised",
        "revision": "text: the commit on the Hub that it was loaded from, where it was",
        "fingerprint": "text: the digest of the weights, or that commit",
        "config_sha256": "text: the digest of the configuration",
        "parameters": "count: all of them",
        "context_length_tokens": "count: tokens that it can read at once",
        "vocabulary": "count: tokens that it knows",
        "layers": "count: its layers",
        "hidden_size": "count: numbers that stand for a token within it",
    },
    "parameters": LEDGER,
    "checkpoints[]": CHECKPOINT,
    "tasks[]": TASK,
    "family": {
        "size": "count: comparisons that Holm's correction is over",
        "level": "setting: the level of significance",
        "power": "share: the power that a smallest difference is found with",
    },
    "equivalences[]": "two methods side by side",
    "spreads[]": "the spread of a score over several seeds",
    "audit": {
        "title": "text: the write-up that was audited",
        "file": "text: the file of its claims",
        "url": "text: its page",
        "claims[]": {
            "id": "text: the claim's name",
            "where": "text: where it stands there",
            "quote": "text: its words",
            "verdict": "text: holds, impossible, cannot be told or missing",
            "arithmetic": "text: why",
            "matrices[]": "the confusion matrices that it leaves possible",
        },
        "counts": {
            "holds": "count: claims that hold",
            "impossible": "count: claims that cannot be",
            "cannot_be_told": "count: claims that cannot be told",
            "missing": "count: claims that are missing",
        },
    },
    "checks": {
        "absent": "only where they are not known: the reason",
        "checkpoints": "count: checkpoints that were checked",
        "guards": "count: verdicts of guards before training",
        "proofs": "count: checks of the saved weights",
        "objected": "count: those that objected",
        "objections[]": {
            "checkpoint": "text: whose",
            "id": "text: the guard or the check",
            "verdict": "text: its verdict",
            "found": "text: what it found",
        },
    },
    "confidence": "share: the confidence of every interval",
    "summary_figure": {"path": "text: the drawing's file"},
    "reproduction": {
        "runs[]": {
            "checkpoint": "text: who was scored",
            "task": "text: on what",
            "model_dtype": "text: the number format",
            "device": "text: what it ran on",
            "batch_size": "setting: rows a batch",
            "commit": "text: of this project",
            "command": "text: what scored it",
            "seconds": "seconds: how long it took",
            "date": "number: when it ended, in seconds since 1970",
            "seeds[]": SETTING,
        },
        "versions[]": {
            "name": "text: a piece of software",
            "version": "text: its version",
            "where": "text: what it was used for",
        },
        "files[]": {"file": "text: a file that facts come from", "digest": "text: its digest"},
    },
    "findings": "the sentences that rules chose: `say` in `macros.md.j2` shows one",
    "state": "what the facts were computed from; not for a page",
}
