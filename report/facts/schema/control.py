"""How much of a gain is format, and how much skill: a checkpoint beside a control that learnt others' targets."""

from pydantic import Field

from report.facts.schema.parts import Either, KnownCount, KnownScore, KnownText, Missing, Part, Score


class ControlledGain(Part):
    """What a checkpoint gains on its own task, in two parts: what its control gains too, and what it gains over it."""

    task: KnownText = Field(description="the task's name")
    checkpoint: KnownText = Field(description="the checkpoint, as the page calls it on its own task")
    label: KnownText = Field(description="the primary metric, as the page calls it")
    higher_is_better: bool | None = Field(description="whether higher is better; none where no file says it")
    rows: KnownCount = Field(description="rows that the control was trained on, each with another row's target")
    before: Score = Field(description="the base model's score")
    control: KnownScore = Field(description="the control's")
    after: Score = Field(description="the checkpoint's")
    format: KnownScore = Field(description="the control's minus the base model's: format and label prior")
    skill: KnownScore = Field(description="the checkpoint's minus the control's")
    total: KnownScore = Field(description="the checkpoint's minus the base model's: the sum of the two")
    balance: KnownScore = Field(description="format minus skill, paired item by item")


class UnknownGain(Part):
    """A checkpoint whose gain could not be set beside a control's."""

    absent: Missing = Field(description="only where it could not: the reason")
    task: KnownText = Field(description="the task's name")
    checkpoint: KnownText = Field(description="the checkpoint, as the page calls it on its own task")


Control = Either[ControlledGain, UnknownGain]
