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
    """An input that says nothing, and what the model answers to it."""

    input: KnownText = Field(description="what stood in the text's place")
    share: KnownShare = Field(description="the probability there")


class Prior(Part):
    """What the model answers before it has read anything; the share alone, as missing, where that is not known."""

    share: Share = Field(description="the probability of the label without a text")
    even: KnownShare | None = Field(default=None, description="that of a model that leans to no side")
    label: KnownText | None = Field(default=None, description="the label")
    inputs: list[PriorInput] | None = None


class Bin(Part):
    """The answers of about one confidence."""

    lower: KnownShare = Field(description="where the bin begins")
    upper: KnownShare = Field(description="where it ends")
    scored: KnownCount = Field(description="items in it")
    confidence: KnownShare = Field(description="the probability of their answers on average")
    right: KnownShare = Field(description="right ones of them")


class Calibration(Part):
    """Whether the answers are as often right as they are sure; no more than `overconfidence`, where not known."""

    confidence: KnownShare | None = Field(default=None, description="the probability of the given answers on average")
    right: KnownShare | None = Field(default=None, description="right answers of all")
    overconfidence: Share = Field(description="the first of these less the second")
    bins: list[Bin]


class Classification(Part):
    """The answers of a classifier of two labels."""

    true_positive: KnownCount = Field(description="positive items that were called positive")
    false_positive: KnownCount = Field(description="negative items that were called positive")
    false_negative: KnownCount = Field(description="positive items that were not")
    true_negative: KnownCount = Field(description="negative items that were not")
    wrong: KnownCount = Field(description="wrong answers")
    predicted_share: KnownShare = Field(description="positive answers of all")
    gold_share: KnownShare = Field(description="positive items of all")
    bias: KnownShare = Field(description="the first of these less the second")
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

    abstained: KnownShare = Field(description="questions left unanswered")
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
    holds_more: Share = Field(description="answers that hold the gold one and more")
    words: Number = Field(description="words of an answer on average")
    gold_words: Number = Field(description="words of a gold answer on average")
    distributions: Distributions
    truncated: Count = Field(description="prompts that had to be cut")
    cut_off: Count = Field(description="answers that were cut off")
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
    above_floor: Score = Field(description="the difference from the score without a model, on the same items")
    dtype: Text = Field(description="the number format in which it was scored")
    model_class: Text = Field(description="lm_eval's class that asked it")
    softmax_dtype: Text = Field(description="the dtype in which log-likelihoods were computed")
    allowed: Text = Field(description="guards of scoring that failed and were allowed")
