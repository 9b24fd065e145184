"""What a checkpoint keeps of what it was not trained on: its scores on other tasks beside the base model's."""

from pydantic import Field

from report.facts.schema.parts import Count, Either, KnownCount, KnownScore, KnownText, Missing, P, Part


class ScoreBeside(Part):
    """The primary metric of a task that a checkpoint was not trained on, before and after, and whether it is kept."""

    task: KnownText = Field(description="the task's name")
    checkpoint: KnownText = Field(description="the checkpoint, as the page calls it")
    label: KnownText = Field(description="the primary metric, as the page calls it")
    higher_is_better: bool | None = Field(description="whether higher is better; none where no file says it")
    before: KnownScore = Field(description="the base model's score")
    after: KnownScore = Field(description="the checkpoint's")
    difference: KnownScore = Field(description="the checkpoint's minus the base model's, paired")
    margin: KnownScore = Field(description="the loss that a kept score is shown to be smaller than")
    kept_p: P = Field(description="Holm-adjusted p of the hypothesis that the loss is at least the margin")
    lost_p: P = Field(description="Holm-adjusted p of the hypothesis that there is no loss")
    needed: Count = Field(description="about how many items would decide, were the true difference the one found")


class UnknownBeside(Part):
    """A score on another task that cannot be set beside the base model's."""

    absent: Missing = Field(description="only where it cannot: the reason")
    task: KnownText = Field(description="the task's name")
    checkpoint: KnownText = Field(description="the checkpoint, as the page calls it")


BesideTraining = Either[ScoreBeside, UnknownBeside]


class Retention(Part):
    """Every score that was asked for, and the family that the tests were corrected over."""

    scores: list[BesideTraining]
    tested: KnownCount = Field(description="scores with a test: each of the two tests is corrected over them")
