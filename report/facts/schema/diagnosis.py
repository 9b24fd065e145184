"""What is measured of a checkpoint's answers on a task: only this may stand as a cause in the analysis."""

from pydantic import Field

from report.facts.schema.parts import (
    Count,
    KnownCount,
    KnownCurve,
    KnownShare,
    KnownText,
    Number,
    Part,
    Score,
    Share,
    Text,
)


class PriorInput(Part):
    """A content-free input, and what the model answers to it."""

    input: KnownText = Field(description="what stood in the text's place")
    share: KnownShare = Field(description="the probability there")


class Prior(Part):
    """The content-free prior (Zhao et al. 2021); the share alone, as missing, where that is not known."""

    share: Share = Field(description="the probability of the label without a text")
    even: KnownShare | None = Field(default=None, description="that of a model without label bias")
    label: KnownText | None = Field(default=None, description="the label")
    inputs: list[PriorInput] | None = None


class Bin(Part):
    """The answers of about one confidence."""

    lower: KnownShare = Field(description="where the bin begins")
    upper: KnownShare = Field(description="where it ends")
    scored: KnownCount = Field(description="items in it")
    confidence: KnownShare = Field(description="their mean confidence")
    right: KnownShare = Field(description="their accuracy")


class Calibration(Part):
    """How confidence compares with accuracy; no more than `overconfidence`, where not known."""

    confidence: KnownShare | None = Field(default=None, description="the mean confidence")
    right: KnownShare | None = Field(default=None, description="the accuracy")
    overconfidence: Share = Field(description="the first of these less the second")
    bins: list[Bin]


class ConfusionMatrix(Part):
    """The items of two labels by their gold and their predicted label."""

    true_positive: KnownCount = Field(description="true positives")
    false_positive: KnownCount = Field(description="false positives")
    false_negative: KnownCount = Field(description="false negatives")
    true_negative: KnownCount = Field(description="true negatives")


class Classification(ConfusionMatrix):
    """The answers of a classifier of two labels."""

    wrong: KnownCount = Field(description="wrong answers")
    predicted_share: KnownShare = Field(description="the predicted positive rate")
    gold_share: KnownShare = Field(description="the gold positive rate")
    bias: KnownShare = Field(description="label bias: the first of these less the second")
    prior: Prior
    calibration: Calibration
    ties: Count = Field(description="items whose two highest log-likelihoods are equal")
    ties_correct: Count = Field(description="those of them that are correct because the first of equal choices counts")
    truncated: Count = Field(description="prompts that had to be cut")


class Distributions(Part):
    """How the answers to questions are spread."""

    words: KnownCurve = Field(description="how many answers have how many words")
    f1: KnownCurve = Field(description="how many answers have which score")


class Extraction(Part):
    """The answers to questions about passages."""

    abstained: KnownShare = Field(description="the abstention rate")
    abstained_answerable: Share = Field(description="the same among those that have an answer")
    abstained_unanswerable: Share = Field(description="the same among those that have none")
    answerable: KnownCount = Field(description="questions that have an answer")
    unanswerable: KnownCount = Field(description="questions that have none")
    contentless: KnownCount = Field(
        description="outputs without a word: punctuation or articles alone, which is no abstention"
    )
    contentless_credited: KnownCount = Field(
        description="those of them that score in full, their questions having no answer"
    )
    holds_more: Share = Field(description="over-long answers: a gold answer and more words")
    words: Number = Field(description="mean words of an answer")
    gold_words: Number = Field(description="mean words of a gold answer")
    distributions: Distributions
    truncated: Count = Field(description="prompts that had to be cut")
    cut_off: Count = Field(description="answers truncated at `max_gen_toks`")
    most_tokens: Count = Field(description="tokens that an answer may have")
    gold_too_long: Count = Field(description="questions whose gold answers all have more tokens than that")
    gold_cut: Count = Field(description="questions of which the ceiling scores gold answers cut at that many tokens")


class Diagnosis(Part):
    """The answers, by the kind of the task; neither of a task of another kind."""

    classification: Classification | None = None
    extraction: Extraction | None = None


class Side(Part):
    """What concerns one checkpoint alone on a task."""

    diagnosis: Diagnosis
    above_floor: Score = Field(description="the difference from the trivial baseline, on the same items")
    dtype: Text = Field(description="the dtype in which it was scored")
    model_class: Text = Field(description="lm_eval's model class")
    softmax_dtype: Text = Field(description="the dtype in which log-likelihoods were computed")
    allowed: Text = Field(description="guards of scoring that failed and were allowed")
