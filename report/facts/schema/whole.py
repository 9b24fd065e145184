"""The whole of facts.json."""

from pydantic import Field

from report.facts.schema.control import Control
from report.facts.schema.diagnosis import ConfusionMatrix
from report.facts.schema.merges import Merge
from report.facts.schema.parts import (
    KnownCount,
    KnownText,
    Number,
    OrAbsent,
    Part,
    Seconds,
    Setting,
    Share,
    Text,
)
from report.facts.schema.retention import Retention
from report.facts.schema.scores import Equivalence, Family, Group, Spread, TaskFacts
from report.facts.schema.standings import Standings
from report.facts.schema.study import ModelFacts, StudyFacts
from report.facts.schema.training import CheckpointFacts, Checks, NamedSetting, PairChecks, ParameterCounts

FACTS_SCHEMA = "aftertune-facts/1"
"""The version of the facts' names and meanings."""


class AuditedClaim(Part):
    """A claim of a write-up, and what the audit says of it."""

    id: KnownText = Field(description="the claim's name")
    where: KnownText = Field(description="its place in the write-up")
    quote: KnownText = Field(description="its words")
    verdict: KnownText = Field(description="holds, impossible, cannot be told or missing")
    arithmetic: KnownText = Field(description="why")
    matrices: list[ConfusionMatrix]


class VerdictCounts(Part):
    """How many claims have which verdict."""

    holds: KnownCount = Field(description="claims that hold")
    impossible: KnownCount = Field(description="claims that cannot be")
    cannot_be_told: KnownCount = Field(description="claims that cannot be told")
    missing: KnownCount = Field(description="claims that are missing")


class AuditFacts(Part):
    """What became of the claims of a write-up."""

    title: KnownText = Field(description="the write-up that was audited")
    file: KnownText = Field(description="the file of its claims")
    url: KnownText | None = Field(default=None, description="its page")
    claims: list[AuditedClaim]
    counts: VerdictCounts


class FailedStep(Part):
    """A step of the last run that failed."""

    step: KnownText = Field(description="its name")
    tries: KnownCount = Field(description="how often it was tried")
    reason: KnownText = Field(description="why it failed")


class Unfinished(Part):
    """What a study lacks because steps of its last run failed."""

    study: KnownText | None = Field(default=None, description="its folder, where several studies are spoken of")
    failed: list[FailedStep]
    unscored: list[KnownText] = Field(description="a score that was not made")


class ScoringRun(Part):
    """A run of lm_eval."""

    checkpoint: KnownText = Field(description="the model that was scored")
    task: KnownText = Field(description="the task")
    model_dtype: Text = Field(description="the dtype")
    device: Text = Field(description="what it ran on")
    batch_size: Setting = Field(description="the batch size")
    commit: Text = Field(description="of this project")
    command: Text = Field(description="what scored it")
    seconds: Seconds = Field(description="how long it took")
    date: Number = Field(description="when it ended, in seconds since 1970")
    seeds: list[NamedSetting]


class UsedVersion(Part):
    """A piece of software."""

    name: KnownText = Field(description="a piece of software")
    version: KnownText = Field(description="its version")
    where: KnownText = Field(description="what it was used for")


class UsedFile(Part):
    """A file that facts come from."""

    file: KnownText = Field(description="a file that facts come from")
    digest: KnownText = Field(description="its SHA-256")


class Reproduction(Part):
    """What somebody needs who wants to do it again."""

    runs: list[ScoringRun]
    versions: list[UsedVersion]
    files: list[UsedFile]


class OwnLine(Part):
    """A line of a template of the study's own that holds claim words or numerals."""

    template: KnownText = Field(description="the template")
    line: KnownCount = Field(description="its line, from 1")
    words: KnownText = Field(description="the words and numerals there")


class OwnWords(Part):
    """What templates of the study's own claim by themselves: words and numerals that ours do not hold."""

    lines: KnownCount = Field(description="how many lines hold some")
    first: list[OwnLine]


class Finding(Part):
    """A sentence that a rule chose: its name, and where the facts that it is said of stand, by their slot in it."""

    id: str
    evidence: dict[str, str | list[str]]


class CauseFindings(Part):
    """What was found of one kind in the answers of the base model, and of each checkpoint; None: not looked for."""

    kind: Finding = Field(description="what the kind is called")
    base: Finding | None
    after: list[Finding | None] = Field(description="in the order of the task's comparisons")


class TaskFindings(Part):
    """Why the scores on one task are what they are: of the base model, where `setting` is there, and of checkpoints."""

    task: str = Field(description="where the task's name stands")
    setting: str | None = Field(default=None, description="where it stands how the base model was asked")
    unscored: Finding | None = Field(default=None, description="only where nothing was scored")
    checkpoints: list[str] = Field(description="where the names of the compared checkpoints stand")
    causes: list[CauseFindings] = Field(description="those that cost points, the most items first")
    beside: list[CauseFindings] = Field(description="what was looked at and costs none, or is not known")


class ComparisonFindings(Part):
    """The sentences on the difference of one comparison."""

    task: str = Field(description="where the task stands")
    comparison: str = Field(description="where the comparison stands")
    headline: Finding
    tests: list[Finding] = Field(description="whether the primary difference is significant")
    shift: Finding | None
    transitions: Finding | None
    overlap: Finding | None
    simpler: Finding | None = Field(default=None, description="where it was measured and no warning says it")
    metrics: list[Finding] = Field(description="on every metric, by the interval of its difference")


class GroupFindings(Part):
    """The sentences on a group of tasks."""

    group: str = Field(description="where the group stands")
    how: Finding = Field(description="how its score is made of its tasks'")
    parts: list[Finding] = Field(description="the scoreboard's rows of its tasks, where it has a row itself")


class ControlFindings(Part):
    """The sentence on a gain beside its control's; none where a warning says it."""

    gain: str = Field(description="where the facts of it stand")
    verdict: Finding | None = Field(description="whether the gain is mostly format or mostly skill")


class RetainedFindings(Part):
    """The verdict on a score on a task that was not trained on."""

    score: str = Field(description="where the facts of it stand")
    verdict: Finding = Field(description="whether it is kept within the margin, lost, or cannot be told")


class RetentionFindings(Part):
    """The sentences on what the checkpoints keep of what they were not trained on."""

    whole: Finding = Field(description="whether all is kept, something is lost, or it cannot be told of all")
    scores: list[RetainedFindings]


class Findings(Part):
    """The sentences of every part of the page."""

    result: Finding
    scoreboard: list[Finding] = Field(description="a row of each group, and of each task that is in none")
    groups: list[GroupFindings] | None = None
    selected: list[Finding]
    headline: list[Finding]
    sizes: list[Finding]
    badge: Finding
    checks: list[Finding]
    counts: list[Finding]
    trained_share: list[Finding]
    changes: list[Finding]
    published: Finding
    meaning: list[Finding]
    moved: list[Finding]
    cost: list[Finding]
    why: list[TaskFindings]
    difference: list[ComparisonFindings]
    equivalences: list[Finding]
    spreads: list[Finding]
    controls: list[ControlFindings] | None = None
    retention: RetentionFindings | None = None
    limits: list[Finding]
    warnings: list[Finding]


class State(Part):
    """What the facts were computed from: SHA-256 of all files, of those outside checkpoints' folders, of our code."""

    inputs: str = ""
    measured: str = ""
    code: str = ""
    redacted: bool
    facts: str | None = None


class MeasuredFacts(Part):
    """Everything that a study's page says, but its sentences."""

    schema_version: str = Field(default=FACTS_SCHEMA, alias="schema", description="the version of these names")
    study: StudyFacts
    model: ModelFacts
    parameters: OrAbsent[ParameterCounts]
    checkpoints: list[CheckpointFacts]
    tasks: list[TaskFacts]
    groups: list[Group] | None = None
    controls: list[Control] | None = None
    standings: list[Standings] | None = None
    retention: Retention | None = None
    family: Family
    equivalences: list[Equivalence]
    spreads: list[Spread]
    audit: AuditFacts | None
    unfinished: Unfinished
    templates: list[KnownText] = Field(description="a template of the study's own")
    own_words: OwnWords | None = None
    checks: OrAbsent[Checks]
    pair_checks: PairChecks | None = Field(default=None, description="only where checkpoints are from elsewhere")
    merges: list[Merge] | None = None
    confidence: Share = Field(description="the confidence of every interval")
    reproduction: Reproduction


class Facts(MeasuredFacts):
    """Everything that a study's page says."""

    findings: Findings = Field(description="the sentences that rules chose: `say` in `macros.md.j2` shows one")
    state: State | None = Field(default=None, description="what the facts were computed from; not for a page")
