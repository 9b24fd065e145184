"""The scores of a task: of the base model, and beside it those of each checkpoint."""

from typing import Literal

from pydantic import Field

from report.facts.schema.diagnosis import Side
from report.facts.schema.parts import (
    Count,
    Either,
    KnownCount,
    KnownScore,
    KnownSetting,
    KnownShare,
    KnownText,
    Missing,
    OrAbsent,
    P,
    Part,
    Score,
    Setting,
    Share,
    Text,
)


class MetricScores(Part):
    """A metric before and after fine-tuning."""

    metric: str = Field(description="the metric, as lm_eval calls it")
    label: KnownText = Field(description="the metric, as the page calls it")
    primary: bool = Field(description="whether the task calls it its primary metric")
    higher_is_better: bool | None = Field(description="whether higher is better; none where no file says it")
    before: Score = Field(description="the base model's")
    after: Score = Field(description="the checkpoint's")
    difference: Score = Field(description="after minus before, paired item by item")
    p_value: P = Field(description="the p-value of that difference")
    p_method: Text = Field(description="the test that gave the p-value")
    adjusted: P = Field(description="the Holm-adjusted p-value; only primary metrics have one")
    detectable: Score = Field(description="the minimum detectable effect, at the family's power")
    before_place: Share = Field(description="the base model's normalised score: 0 is the baseline, 1 the gold answers")
    after_place: Share = Field(description="the checkpoint's normalised score")


class IntervalMethod(Part):
    """How some intervals or p-values were computed."""

    side: KnownText = Field(description="the number that it is of")
    method: KnownText = Field(description="the method of its interval or p-value")
    labels: list[KnownText] = Field(description="the metrics that it was used for")


class Transitions(Part):
    """How many items became correct or wrong, by a metric that calls each item one or the other."""

    label: KnownText = Field(description="the metric by which an item is correct or wrong")
    fixed: KnownCount = Field(description="items that are wrong before and correct after")
    broken: KnownCount = Field(description="items that are correct before and wrong after")
    both_right: KnownCount = Field(description="items that are correct before and after")
    both_wrong: KnownCount = Field(description="items that are wrong before and after")


class Example(Part):
    """An item with both answers to it."""

    input: KnownText = Field(description="the item")
    gold: KnownText = Field(description="the gold answer")
    before: KnownText = Field(description="the base model's answer")
    after: KnownText = Field(description="the checkpoint's answer")


class Examples(Part):
    """Some items of each kind of `Transitions`."""

    fixed: list[Example]
    broken: list[Example]
    both_right: list[Example]
    both_wrong: list[Example]


class Shift(Part):
    """How far one kind of answer became more or less frequent."""

    what: KnownText = Field(description="which answers")
    change: Share = Field(description="their share of all answers after, minus that before")


class Grade(Part):
    """The scored items that overlap with the training rows in one way."""

    grade: KnownText = Field(description="the kind of overlap")
    meaning: KnownText = Field(description="what counts as it")
    scored: KnownCount = Field(description="scored items of it")
    share: KnownShare = Field(description="of all scored items")


class OverlapPart(Part):
    """The scores on the items with, or without, any overlap."""

    part: KnownText = Field(description="which items")
    scored: KnownCount = Field(description="how many")
    before: Score = Field(description="the base model's on them, in the primary metric")
    after: Score = Field(description="the checkpoint's")
    difference: Score = Field(description="after minus before")


class Overlap(Part):
    """How far the scored items overlap with the training rows."""

    training_rows: KnownCount = Field(description="rows that were trained on")
    grades: list[Grade]
    some: KnownCount = Field(description="items with any overlap")
    some_share: KnownShare = Field(description="of all scored items")
    none: KnownCount = Field(description="items without")
    parts: list[OverlapPart]


class SimplerMeans(Part):
    """A bag of words that learned from the checkpoint's rows, the nearest sentence, or the base's few-shot score."""

    name: KnownText = Field(description="what it is: bag of words, nearest sentence, or the base model with examples")
    training_rows: KnownCount | None = Field(default=None, description="a bag of words' rows: the checkpoint's own")
    vocabulary: KnownCount | None = Field(default=None, description="words and word pairs that a bag of words knows")
    score: Score = Field(description="its score in the primary metric")
    above_base: Score = Field(description="its score minus the base model's, paired item by item")
    tuned_above: Score = Field(description="the checkpoint's score minus its own, paired item by item")


class AnswerFigures(Part):
    """Where the drawings of the answers lie; only those that there are."""

    score: KnownText | None = Field(default=None, description="the drawing's file")
    moves: KnownText | None = Field(default=None, description="the drawing's file")
    confusion: KnownText | None = Field(default=None, description="the drawing's file")
    reliability: KnownText | None = Field(default=None, description="the drawing's file")
    distributions: KnownText | None = Field(default=None, description="the drawing's file")


class Comparison(Part):
    """The scores of a checkpoint beside the base model's."""

    checkpoint: KnownText = Field(description="its name")
    display_name: KnownText = Field(description="what the page calls it")
    trained_on: Text = Field(description="the task that it was trained on")
    method: Text = Field(description="how")
    seed: Setting = Field(description="its training seed")
    elsewhere: bool = Field(default=False, description="whether it was trained elsewhere")
    scores: list[MetricScores]
    methods: list[IntervalMethod]
    after: OrAbsent[Side]
    refused: Missing | None = Field(description="only where the two may not be compared: the reason")
    other_base: Missing | None = Field(
        description="only where it is not known to be made from the base model's weights: the reason"
    )
    transitions: Transitions | None
    examples: Examples | None
    shift: Shift | None
    overlap: OrAbsent[Overlap] | None
    simpler: SimplerMeans | None = Field(default=None, description="only where it was measured")
    few_shot: list[SimplerMeans] = Field(
        default_factory=list, description="only where it was asked for: the base model with few-shot examples"
    )
    figures: AnswerFigures
    overlaps: bool = Field(description="whether the two tasks say that they share items")

    @property
    def primary(self) -> MetricScores | None:
        """The primary metric; None where none is declared, or neither side has a score in it."""
        return next((score for score in self.scores if score.primary), None)


class Split(Part):
    """A split of a task's data."""

    split: KnownText = Field(description="its name")
    fingerprint: Text = Field(description="the SHA-256 of its rows")
    rows: Count = Field(description="how many")
    compared_with: Text = Field(description="what the rows were compared with")


class TaskData(Part):
    """The data of a task."""

    source: Text = Field(description="where the rows come from")
    name: Text = Field(description="the data's name")
    revision: Text = Field(description="the data's revision")
    splits: list[Split]


class TrivialBaseline(Part):
    """The trivial baseline of the primary metric."""

    score: Score = Field(description="the score of the baseline, in the primary metric")
    how: Text = Field(description="what the baseline answers")


class Range(Part):
    """A metric's trivial baseline, its score of the gold answers, and its signature."""

    metric: str = Field(description="the metric, as lm_eval calls it")
    label: KnownText = Field(description="the metric, as the page calls it")
    floor: Score = Field(description="the score of the trivial baseline")
    how: Text = Field(description="what that baseline answers")
    ceiling: Score = Field(description="the score of the gold answers")
    signature: Text = Field(description="the metric signature")


class TokenPoint(Part):
    """A checkpoint's score over the tokens that it was trained on."""

    checkpoint: KnownText = Field(description="its name")
    method: KnownText = Field(description="how it was trained")
    tokens: KnownCount = Field(description="input tokens of its training")
    score: KnownScore = Field(description="its score in the primary metric")


class OverTokens(Part):
    """The primary scores of a task's checkpoints over their training tokens."""

    points: list[TokenPoint]
    figure: KnownText = Field(description="the drawing's file")


class Unscored(Part):
    """A task of the study on which nothing was scored."""

    absent: Text = Field(description="only where it was not scored: the reason")
    task: str = Field(description="its name")
    name: KnownText = Field(description="its name")


class ScoredTask(Part):
    """A task: its metadata, how much of it was scored, and its scores."""

    task: str = Field(description="its name")
    name: KnownText = Field(description="its name")
    about: Text = Field(description="what is scored")
    version: Setting = Field(description="its version")
    setting: KnownText = Field(description="zero-shot, or how many few-shot examples the prompt has")
    cluster: Text = Field(description="the field by which items are clustered")
    clustered: bool = Field(description="whether items are clustered")
    primary: Text = Field(description="the primary metric, as the page calls it")
    scored: KnownCount = Field(description="items that were scored")
    available: Count = Field(description="items of the task")
    limited: bool = Field(description="whether only a part was scored")
    kind: Literal["classification", "extraction", "other"] = Field(description="classification, extraction or other")
    positive: KnownText = Field(description="what a classification calls its positive label")
    text_licence: Text = Field(description="the licence of its rows' text")
    data: TaskData
    before: OrAbsent[Side]
    floor: TrivialBaseline
    ranges: list[Range]
    comparisons: list[Comparison]
    over_tokens: OverTokens | None

    def range_of(self, metric: str) -> Range | None:
        """Returns the baseline, gold answers' score and signature of ``metric``; None if the task lacks it."""
        return next((row for row in self.ranges if row.metric == metric), None)


TaskFacts = Either[ScoredTask, Unscored]


def comparisons_of(task: TaskFacts) -> list[Comparison]:
    """Returns the comparisons of ``task``; none where it was not scored."""
    return task.comparisons if isinstance(task, ScoredTask) else []


class TestedEquivalence(Part):
    """A test of whether the scores of two checkpoints of different methods are equivalent."""

    __test__ = False  # no test of pytest's

    task: KnownText = Field(description="the task's name")
    one: KnownText = Field(description="the one checkpoint")
    other: KnownText = Field(description="the other one")
    label: KnownText = Field(description="the metric, as the page calls it")
    margin: Score = Field(description="the equivalence margin, from the study file")
    difference: Score = Field(description="the other's score minus the one's, paired item by item")
    p_value: P = Field(description="the p-value of two one-sided tests (TOST)")


class UntestedEquivalence(Part):
    """Two checkpoints whose equivalence could not be tested."""

    absent: Missing = Field(description="only where it was not tested: the reason")
    task: KnownText = Field(description="the task's name")
    one: KnownText = Field(description="the one checkpoint")
    other: KnownText = Field(description="the other one")


Equivalence = Either[TestedEquivalence, UntestedEquivalence]


class Spread(Part):
    """The primary score of a method over several training seeds."""

    task: KnownText = Field(description="the task's name")
    method: KnownText = Field(description="how the checkpoints were trained")
    label: KnownText = Field(description="the metric, as the page calls it")
    seeds: KnownCount = Field(description="how many")
    mean: Score = Field(description="the mean over the seeds")
    deviation: Score = Field(description="the standard deviation over the seeds")
    lowest: Score = Field(description="the lowest of them")
    highest: Score = Field(description="the highest of them")


class GroupRow(Part):
    """The scores of one checkpoint on a group of tasks, beside the base model's."""

    checkpoint: KnownText = Field(description="the checkpoint's name")
    higher_is_better: bool | None = Field(description="whether higher is better; none where its tasks do not agree")
    before: Score = Field(description="the base model's primary score on all its tasks")
    after: Score = Field(description="the checkpoint's")
    difference: Score = Field(description="after minus before, paired item by item")


class Group(Part):
    """A group of tasks with one primary metric."""

    name: KnownText = Field(description="its name")
    tasks: list[KnownText] = Field(description="the names of its tasks")
    weight_by_size: bool = Field(
        description="whether a score is the mean over the items of all tasks; else that of the tasks' scores"
    )
    label: Text = Field(description="the primary metric of all its tasks, as the page calls it")
    rows: list[GroupRow]


class Family(Part):
    """The family of comparisons that Holm's adjustment is over."""

    size: KnownCount = Field(description="primary comparisons in the family of Holm's adjustment")
    level: KnownSetting = Field(description="the significance level")
    power: KnownShare = Field(description="the power of the minimum detectable effect")
