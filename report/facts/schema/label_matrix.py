"""Which label was predicted of which gold label, of a task with more than two labels, and how well each one was."""

from pydantic import Field

from report.facts.schema.parts import KnownCount, KnownCurve, KnownScore, KnownShare, KnownText, Part, Share


class LabelClass(Part):
    """How well one label was predicted."""

    label: KnownText = Field(description="the label")
    gold: KnownCount = Field(description="items whose gold label it is")
    gold_share: KnownShare = Field(description="of all items")
    predicted: KnownCount = Field(description="items that it was predicted of")
    correct: KnownCount = Field(description="items that are both")
    precision: Share = Field(description="of the items that it was predicted of, those whose gold label it is")
    recall: Share = Field(description="of the items whose gold label it is, those that it was predicted of")


class LabelScore(Part):
    """A score over all labels."""

    label: KnownText = Field(description="the metric, as the page calls it")
    score: KnownScore = Field(description="the score")


class LabelMatrix(Part):
    """The confusion matrix of the answers, of a task with 3 to 20 labels."""

    labels: list[KnownText] = Field(description="the labels, in their order")
    counts: KnownCurve = Field(description="items: a row for each gold label, with a number for each predicted one")
    classes: list[LabelClass] = Field(description="the same label by label")
    overall: list[LabelScore] = Field(description="macro-F1 and Matthews correlation")
