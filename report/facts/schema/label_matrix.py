"""Which label was predicted of which gold label, of a task with more than two labels."""

from pydantic import Field

from report.facts.schema.parts import KnownCurve, KnownText, Part


class LabelMatrix(Part):
    """The confusion matrix of the answers, of a task with 3 to 20 labels."""

    labels: list[KnownText] = Field(description="the labels, in their order")
    counts: KnownCurve = Field(description="items: a row for each gold label, with a number for each predicted one")
