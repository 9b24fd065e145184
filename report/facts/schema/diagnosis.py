"""What is measured of a checkpoint's answers on a task: only this may stand as a cause in the analysis."""

from pydantic import Field

from report.facts.schema.label_matrix import LabelMatrix
from report.facts.schema.parts import (
    Count,
    KnownCount,
    KnownCurve,
    KnownNumber,
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

    input: KnownText = Field(description="the content-free input")
    share: KnownShare = Field(description="the label's probability with it")


class Prior(Part):
    """The content-free prior (Zhao et al. 2021); the share alone, as missing, where that is not known."""

    share: Share = Field(description="the label's mean probability over content-free inputs")
    even: KnownShare | None = Field(default=None, description="the probability without label bias")
    label: KnownText | None = Field(default=None, description="the label")
    inputs: list[PriorInput] | None = None


class Bin(Part):
    """A bin of answers by confidence."""

    lower: KnownShare = Field(description="its lower edge")
    upper: KnownShare = Field(description="its upper edge")
    scored: KnownCount = Field(description="items in it")
    confidence: KnownShare = Field(description="their mean confidence")
    right: KnownShare = Field(description="their accuracy")


class Calibration(Part):
    """How confidence compares with accuracy; no more than `overconfidence`, where not known."""

    confidence: KnownShare | None = Field(default=None, description="the mean confidence")
    right: KnownShare | None = Field(default=None, description="the accuracy")
    overconfidence: Share = Field(description="mean confidence minus accuracy")
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
    truncated: Count = Field(description="truncated prompts")


class Distributions(Part):
    """Histograms of the answers to questions."""

    words: KnownCurve = Field(description="answers by number of words")
    f1: KnownCurve = Field(description="answers by score")


class Extraction(Part):
    """The answers to questions about passages."""

    abstained: KnownShare = Field(description="the abstention rate")
    abstained_answerable: Share = Field(description="the abstention rate on answerable questions")
    abstained_unanswerable: Share = Field(description="the abstention rate on unanswerable questions")
    answerable: KnownCount = Field(description="answerable questions")
    unanswerable: KnownCount = Field(description="unanswerable questions")
    contentless: KnownCount = Field(
        description="outputs without a word: punctuation or articles alone, which is no abstention"
    )
    contentless_credited: KnownCount = Field(
        description="those of them that score in full, because the question is unanswerable"
    )
    holds_more: Share = Field(description="over-long answers: a gold answer and more words")
    words: Number = Field(description="mean words of an answer")
    gold_words: Number = Field(description="mean words of a gold answer")
    distributions: Distributions
    truncated: Count = Field(description="truncated prompts")
    cut_off: Count = Field(description="answers truncated at `max_gen_toks`")
    most_tokens: Count = Field(description="the most tokens that an answer may have (`max_gen_toks`)")
    gold_too_long: Count = Field(description="questions whose gold answers are all longer than that")
    gold_cut: Count = Field(description="questions whose gold answers are scored cut at that many tokens")


class Choices(Part):
    """The choices of highest log-likelihood, of a task of which each item has one gold choice or several."""

    wrong: KnownCount = Field(description="items whose choice is no gold one")
    position: KnownText = Field(description="the choice or position that is chosen most beyond its gold share")
    position_chosen: KnownShare = Field(description="the share of items in which it is chosen")
    position_gold: KnownShare = Field(description="the share of items in which it is gold")
    position_bias: KnownShare = Field(
        description="the first less the second; its interval allows for the choice of that position among all"
    )
    position_excess: KnownCount = Field(description="choices beyond the gold share, over all positions")
    longest_chosen: Share = Field(description="the share of choices that are the item's longest")
    longest_gold: Share = Field(description="the share of gold choices that are")
    length_bias: Share = Field(description="the first of these less the second")
    length_excess: Count = Field(description="items by which the two differ")
    confused_gold: Text = Field(description="of the most frequent wrong answer: the gold choice or position")
    confused_chosen: Text = Field(description="and the one that was chosen instead")
    confused: Count = Field(description="how often")
    calibration: Calibration
    ties: KnownCount = Field(description="items whose two highest log-likelihoods are equal")
    ties_correct: KnownCount = Field(description="those of them that are correct because the first of equals counts")
    truncated: Count = Field(description="truncated prompts")


class Generation(Part):
    """Generated answers, of a task whose documents hold no passage with its answers."""

    unread: Count = Field(description="outputs from which the filter extracted nothing")
    empty: KnownCount = Field(description="empty outputs")
    repeated: KnownCount = Field(description="outputs that repeat one string for half of their length")
    same: KnownCount = Field(description="outputs that are the most frequent one")
    other_script: Count = Field(description="outputs mostly in another script than the gold answer")
    words: KnownNumber = Field(description="mean words of an output")
    gold_words: KnownNumber = Field(description="mean words of a gold answer")
    longer: KnownNumber = Field(description="the first less the second")
    truncated: Count = Field(description="truncated prompts")
    cut_off: Count = Field(description="outputs truncated at `max_gen_toks`")
    most_tokens: Count = Field(description="the most tokens that an output may have (`max_gen_toks`)")


class Texts(Part):
    """Texts whose likelihood was computed, and where their loss lies."""

    texts: KnownCount = Field(description="texts")
    costly: KnownCount = Field(description="a tenth of them: those with the highest loss a byte")
    costly_loss: KnownShare = Field(description="their share of the whole loss")
    costly_bytes: KnownShare = Field(description="their share of all bytes")


class Diagnosis(Part):
    """The answers, by the kind of the task; none of a task of another kind."""

    classification: Classification | None = None
    extraction: Extraction | None = None
    choices: Choices | None = None
    generation: Generation | None = None
    texts: Texts | None = None


class Side(Part):
    """What concerns one checkpoint alone on a task."""

    diagnosis: Diagnosis
    matrix: LabelMatrix | None = None
    above_floor: Score = Field(description="the difference from the trivial baseline, on the same items")
    dtype: Text = Field(description="the dtype in which it was scored")
    model_class: Text = Field(description="lm_eval's model class")
    softmax_dtype: Text = Field(description="the dtype in which log-likelihoods were computed")
    allowed: Text = Field(description="guards of scoring that failed and were allowed")
