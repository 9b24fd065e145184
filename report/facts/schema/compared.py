"""What compare.json holds: every value of a comparison of models as a fact, and the sentences on them."""

from typing import Literal

from pydantic import Field

from report.facts.schema.parts import (
    Count,
    KnownCount,
    KnownScore,
    KnownSetting,
    KnownShare,
    KnownText,
    Missing,
    P,
    Part,
    Score,
    Seconds,
    Setting,
    Text,
)
from report.facts.schema.whole import Finding, Unfinished

COMPARED_SCHEMA = "aftertune-comparison/1"
"""The version of the names and meanings in compare.json."""


class Participant(Part):
    """A model of the comparison."""

    name: KnownText = Field(description="what it is called")
    named_by: KnownText = Field(description="where the name comes from")
    place: KnownText = Field(description="the argument that its results were found in")
    tasks: KnownCount = Field(description="tasks that it was scored on")
    model_class: Text = Field(description="lm_eval's class that asked it")
    harness: Text = Field(description="the harness that scored, and its version")
    transformers: Text = Field(description="the version of transformers")


class ScoringSetting(Part):
    """Under what conditions a model was scored on a task."""

    entry: KnownText = Field(description="the model")
    version: Setting = Field(description="the task's version")
    shots: Setting = Field(description="few-shot examples in the prompt")
    chat_template: Setting = Field(description="whether prompts were put into a chat template")
    items: Count = Field(description="items that were scored")
    available: Count = Field(description="items that there are")
    limited: bool = Field(description="whether only a part was scored")
    allowed: Text = Field(description="guards of scoring that failed and were allowed")
    samples: Setting = Field(description="whether there are samples, or of how many parts of a group")


class FiltersApart(Part):
    """A metric whose score depends much on which filter reads the answers."""

    entry: KnownText = Field(description="the model")
    what: KnownText = Field(description="the metric, and its score by each filter")


class BoardRow(Part):
    """A model's place on a leaderboard."""

    entry: KnownText = Field(description="the model")
    harness: KnownText = Field(description="the harness that scored, and its version")
    score: KnownScore = Field(description="its score")
    how: KnownText = Field(description="the method of the score's interval")
    contradicts: bool = Field(description="whether recorded score and samples cannot be of one run")
    caution: KnownText | None = Field(description="what must be said of the score")
    best: Count = Field(description="the best rank that it may have")
    worst: Count = Field(description="the worst rank that it may have")
    tied: bool = Field(description="whether the best and worst rank differ")
    unbeaten: bool = Field(description="whether no model is significantly better")
    beaten: KnownCount = Field(description="models that it beats")
    beats: list[KnownText] = Field(description="a model that it beats; none is named in a crowd")


PairVerdict = Literal["first", "second", "open", "differs", "refused", "untested"]
CellVerdict = Literal["itself", "beats", "loses to", "open", "differs", "not compared", "untested"]


class ToldDifference(Part):
    """What must be said of a difference between two scores."""

    unpaired: KnownText | None = Field(description="why the items are not paired, where they are not")
    flags: list[KnownText] = Field(description="what else differs between the two")


class BoardPair(ToldDifference):
    """Two models of a leaderboard beside each other."""

    one: KnownText = Field(description="the one with the better score")
    other: KnownText = Field(description="the other one")
    difference: Score = Field(description="the one's score minus the other's")
    p_value: P = Field(description="the two-sided p-value of that difference")
    adjusted: P = Field(description="the Holm-adjusted p-value, over all pairs of the board")
    p_method: Text = Field(description="the test that gave the p-value")
    refused: Missing | None = Field(description="why the two may not be compared, where they may not")
    verdict: PairVerdict = Field(description="which of the two beats the other, or why neither does")


class MatrixCell(Part):
    """What the model of a row is beside the model of a column."""

    verdict: CellVerdict = Field(validation_alias="is", serialization_alias="is", description="what it is")
    difference: Score = Field(description="the row's score minus the column's")


class SeedSpread(Part):
    """How the scores of a recipe vary over its training seeds."""

    recipe: KnownText = Field(description="the checkpoints' name without their seed")
    seeds: KnownCount = Field(description="how many seeds")
    mean: KnownScore = Field(description="over the seeds")
    deviation: KnownScore = Field(description="the standard deviation over the seeds")
    error: Score = Field(description="the standard error of one score, the root of the mean square over the seeds")


class Board(Part):
    """The leaderboard of one metric of a task."""

    key: str = Field(description="metric and filter, as lm_eval joins them")
    metric: KnownText = Field(description="the metric, with its filter where the task has several")
    primary: bool = Field(description="whether it is the task's first metric")
    higher_is_better: bool | None = Field(description="whether higher is better; none where no file says it")
    direction: Text = Field(description="the source of that")
    figure: KnownText | None = Field(description="the drawing's file; of the primary metric")
    ranked: KnownCount = Field(description="models with a rank")
    tests: KnownCount = Field(description="p-values in the family of Holm's adjustment")
    shown: Count = Field(description="of a crowd, the models that are shown beside others")
    unbeaten: KnownCount = Field(description="models that none beats")
    seeds: list[SeedSpread]
    rows: list[BoardRow] = Field(description="a model, best first; those without a rank last")
    lacking: list[KnownText] = Field(description="a model that was not scored by the metric")
    pairs: list[BoardPair]
    matrix: list[list[MatrixCell]] = Field(description="a row for each model with a rank; none in a crowd")


PricedBy = Literal["parameters", "seconds", "training_seconds"]
"""The costs that scores are drawn against: fields of `ScoreCost`."""


class ScoreCost(Part):
    """What a model's score on a task cost."""

    entry: KnownText = Field(description="the model")
    parameters: Count = Field(description="its parameters")
    seconds: Seconds = Field(description="the time of the whole run that scored it, loading included")
    tasks: KnownCount = Field(description="tasks that the run scored")
    device: Text = Field(description="the device that was asked for")
    dtype: Text = Field(description="the dtype")
    tokens_read: Count = Field(description="tokens of the prompts")
    tokens_written: Count = Field(description="tokens of the answers")
    training_seconds: Seconds = Field(description="how long its training took")
    training_tokens: Count = Field(description="tokens that it was trained on")
    trained: Count = Field(description="parameters that were trained")
    score: Score = Field(description="its score in the primary metric")


class CostFigure(Part):
    """The drawing of scores against a cost."""

    key: PricedBy
    cost: KnownText = Field(description="the cost")
    path: KnownText = Field(description="the drawing's file")


class ComparedTask(Part):
    """The models side by side on a task."""

    key: str = Field(description="its name")
    name: KnownText = Field(description="its name")
    about: Text = Field(description="what is scored")
    parts: Count = Field(description="tasks that the group is made of")
    cluster: KnownText | None = Field(description="the field that names the items' clusters, where the command says it")
    group: str | None = Field(description="the group that it is a part of")
    within: str | None = Field(description="the outermost group that it is a part of")
    settings: list[ScoringSetting]
    apart: list[FiltersApart]
    boards: list[Board] = Field(description="a leaderboard; the primary metric's is the first")
    costs: list[ScoreCost]
    smallest: Text = Field(description="of several models that none beats, the one with the fewest parameters")
    cost_figures: list[CostFigure]


class PassedOverFile(Part):
    """A file that could not be used."""

    file: KnownText = Field(description="the file")
    why: KnownText = Field(description="why it could not be used")


class ChangedSetting(Part):
    """What made the scores of two versions of a study, where it differs."""

    part: KnownText = Field(description="the part of the study")
    whose: KnownText = Field(description="whose it is")
    what: KnownText = Field(description="its name")
    before: Setting = Field(description="in the earlier version")
    after: Setting = Field(description="in the later one")


ChangeVerdict = Literal["better", "worse", "higher", "lower", "equal", "no clear difference", "refused"]


class ChangedScore(ToldDifference):
    """A score of two versions of a study."""

    task: KnownText = Field(description="the task's name")
    checkpoint: KnownText = Field(description="the model")
    metric: KnownText = Field(description="the metric")
    primary: bool = Field(description="whether it is the task's first metric")
    before: KnownScore = Field(description="the earlier version's")
    after: KnownScore = Field(description="the later one's")
    difference: Score = Field(description="later minus earlier")
    adjusted: P = Field(description="the Holm-adjusted p-value; only primary metrics have one")
    verdict: ChangeVerdict = Field(description="what may be said")


class VersionChanges(Part):
    """What changed from one version of a study to another."""

    earlier: KnownText = Field(description="the folder of the earlier version")
    later: KnownText = Field(description="that of the later one")
    settings: list[ChangedSetting]
    scores: list[ChangedScore]
    gone: list[KnownText] = Field(description="a model that the earlier version alone has")
    new: list[KnownText] = Field(description="a model that the later version alone has")


class Regression(ToldDifference):
    """Whether a score that is guarded fell."""

    task: KnownText = Field(description="the task's name")
    metric: KnownText = Field(description="the metric")
    baseline: KnownText = Field(description="the model that it is set against")
    candidate: KnownText = Field(description="the model that is guarded")
    difference: KnownScore = Field(description="the candidate's score minus the baseline's")
    regressed: bool = Field(description="whether the whole interval lies on the worse side of 0")


class ComparedModels(Part):
    """Everything that the page of a comparison says, but its sentences."""

    schema_version: str = Field(alias="schema", description="the version of these names")
    confidence: KnownShare = Field(description="the confidence of every interval")
    level: KnownSetting = Field(description="the level at which one model beats another")
    most_pairs: KnownCount = Field(description="the most pairs of a board of which each is tested by itself")
    crowded: bool = Field(description="whether a board has more pairs than that")
    entries: list[Participant]
    tasks: list[ComparedTask] = Field(description="a task; each group before its parts")
    passed_over: list[PassedOverFile]
    replaced: list[KnownText] = Field(description="a model and a task of which a newer file was taken")
    unfinished: list[Unfinished]
    versions: VersionChanges | None
    regressions: list[Regression]


class BoardFindings(Part):
    """The sentences on a leaderboard."""

    direction: list[Finding]
    first: Finding
    matrix: Finding
    standing: list[Finding] = Field(description="where each row's model stands")
    beats: list[Finding] = Field(description="whom each row's model beats")


class ComparedFindings(Part):
    """The sentences on a comparison: of each regression check, and of each task's boards."""

    regressions: list[Finding]
    tasks: list[list[BoardFindings]]
