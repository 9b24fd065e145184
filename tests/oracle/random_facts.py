"""Random facts of several kinds of studies, from the same seed always the same."""

import json
import random
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from report.page.build import build_report
from tests.report.sentences.test_random_facts import facts as one_method
from tests.report.sentences.test_random_facts import shaken
from tests.report.synthetic import (
    ALL_WRONG,
    GOLD,
    LEARNED,
    NEVER_ABSTAINS,
    TWO_WRONG,
    folder_of,
    write_checkpoint,
    write_scores,
    write_study,
)

CLAIMS = Path(__file__).resolve().parents[2] / "studies" / "seed-claims.yaml"


def several_methods(root: Path) -> Path:
    """Returns a study of two methods and two seeds, of which not every checkpoint was trained."""
    study = write_study(root, methods=["lora", "full"], seeds=[1, 2])
    for name, reviews in (("full-seed1", GOLD), ("lora-seed2", ALL_WRONG), ("full-seed2", TWO_WRONG)):
        write_scores(folder_of(study), f"reviews-{name}", "reviews", reviews)
        write_checkpoint(folder_of(study), f"reviews-{name}", "reviews")
    return study


@cache
def studies() -> list[dict[str, Any]]:
    """Returns the facts of four studies: plain, of several methods and seeds, with an audit, not all scored."""
    with TemporaryDirectory() as place:
        root = Path(place)
        made = [
            several_methods(root / "several"),
            write_study(root / "audited", claims=str(CLAIMS)),
            write_study(root / "unscored", reviews=(None, GOLD), passages=(NEVER_ABSTAINS, LEARNED)),
            write_study(root / "untuned", passages=(None, None)),
        ]
        for study in made:
            build_report(study, output=folder_of(study), facts_only=True)
        found = [json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8")) for study in made]
    return [one_method(), *found]


def random_facts(seed: int) -> dict[str, Any]:
    """Returns random facts: three in five of the plain study, the others of the four odd ones in turn."""
    kind = seed % 10
    study = studies()[kind - 5 if kind > 5 else 0]
    return shaken(study, random.Random(seed))
