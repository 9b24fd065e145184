"""All scores on a task on one scale: from what needs no model to the fine-tuned checkpoints."""

from pydantic import Field

from report.facts.schema.parts import KnownScore, KnownText, Part


class Standing(Part):
    """A score of something that answered the items of a task."""

    name: KnownText = Field(description="what answered")
    score: KnownScore = Field(description="its score in the primary metric")
    fine_tuned: bool = Field(description="whether it is a checkpoint that the page is about, and no control")


class Standings(Part):
    """The scores on a task, each once, in the order of what their makers need: nothing, words, a model, training."""

    task: KnownText = Field(description="the task's name")
    label: KnownText = Field(description="the primary metric, as the page calls it")
    rows: list[Standing]
    figure: KnownText = Field(description="the drawing's file")
