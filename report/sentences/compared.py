"""Which sentences the page of a comparison says: chosen by rules over the facts of compare.json."""

from report.facts.schema.compared import Board, BoardFindings, BoardRow, ComparedFindings, ComparedModels
from report.facts.schema.parts import is_known
from report.facts.schema.whole import Finding
from report.reading.results import pointer
from report.sentences.rules import decide, finding

_DECLARED = ("higher_is_better", "metric_list")
"""Who said which way a metric is better, where a file did."""


def find_compared(facts: ComparedModels) -> ComparedFindings:
    """Returns the findings of the regression check, a finding a row, and of each task's boards, in their order."""
    return ComparedFindings(
        regressions=[_regression(found=row.regressed) for row in facts.regressions],
        tasks=[
            [_board(pointer("tasks", t, "boards", b), board) for b, board in enumerate(task.boards)]
            for t, task in enumerate(facts.tasks)
        ],
    )


def _regression(*, found: bool) -> Finding:
    """Returns the sentence on whether a later score is a regression."""
    return finding(decide("regression", {"found": found, "not_found": not found}), {})


def _board(at: str, board: Board) -> BoardFindings:
    return BoardFindings(
        direction=[] if board.higher_is_better is None else [_direction(at, board)],
        first=_first(at, board),
        matrix=_matrix(board),
        standing=[_standing(row, board) for row in board.rows],
        beats=[_beats(f"{at}/rows/{r}", row, board) for r, row in enumerate(board.rows)],
    )


def _direction(at: str, board: Board) -> Finding:
    """Returns the sentence on which way the metric is better, and how that is known where no file declares it."""
    more, told = board.higher_is_better is True, board.direction.value not in _DECLARED
    name = decide(
        "direction",
        {
            "more": more and not told,
            "more_told": more and told,
            "less": not more and not told,
            "less_told": not more and told,
        },
    )
    return finding(name, {"by": f"{at}/direction"} if told else {})


def _first(at: str, board: Board) -> Finding:
    """Which models are first, or statistically tied for first."""
    judged, ranked, crowd = board.higher_is_better is not None, board.ranked.value, is_known(board.shown)
    name = decide(
        "first",
        {
            "untold": not judged,
            "unranked": judged and not ranked,
            "counted": judged and bool(ranked) and crowd,
            "named": judged and bool(ranked) and not crowd,
        },
    )
    evidence: dict[str, dict[str, str | list[str]]] = {
        "first_untold": {"reason": f"{at}/direction"},
        "first_unranked": {"reason": f"{at}/rows/0/best"},
        "first_counted": {"unbeaten": f"{at}/unbeaten", "best": f"{at}/rows/0/entry"},
        "first_named": {"names": [f"{at}/rows/{r}/entry" for r, row in enumerate(board.rows) if row.unbeaten]},
    }
    return finding(name, evidence[name])


def _matrix(board: Board) -> Finding:
    """Returns the sentence on what the words of the pairwise comparisons mean."""
    judged = board.higher_is_better is not None
    return finding(decide("matrix", {"judged": judged, "unjudged": not judged}), {})


def _standing(row: BoardRow, board: Board) -> Finding:
    """Where a model stands: first, tied for it with others that no model beats, or behind one that beats it."""
    ranked, alone = is_known(row.best), board.ranked.value == 1
    first, tied = ranked and not alone and row.unbeaten, board.unbeaten.value > 1
    name = decide(
        "standing",
        {
            "first": first and not tied,
            "tied": first and tied,
            "behind": ranked and not alone and not row.unbeaten,
            "alone": ranked and alone,
            "unranked": not ranked,
        },
    )
    return finding(name, {})


def _beats(at: str, row: BoardRow, board: Board) -> Finding:
    """Returns the sentence on the models that a model beats: by name, or of many their number."""
    named = bool(row.beats)
    counted = not named and is_known(board.shown) and row.beaten.value > 0
    name = decide("beats", {"named": named, "counted": counted, "none": not named and not counted})
    evidence = {"beats_named": {"names": f"{at}/beats"}, "beats_counted": {"beaten": f"{at}/beaten"}}
    return finding(name, evidence.get(name, {}))
