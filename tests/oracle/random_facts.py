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


def many_seeds(root: Path) -> Path:
    """Returns a study of seven seeds: more models on a task than a table has columns."""
    study = write_study(root, tasks={"reviews": {}}, seeds=list(range(1, 8)), passages=(None, None))
    for seed in range(2, 8):
        write_scores(folder_of(study), f"reviews-lora-seed{seed}", "reviews", TWO_WRONG if seed % 2 else GOLD)
        write_checkpoint(folder_of(study), f"reviews-lora-seed{seed}", "reviews")
    return study


@cache
def studies() -> list[dict[str, Any]]:
    """Returns facts of studies: plain, of several methods and seeds, audited, not all scored (two), of many seeds."""
    with TemporaryDirectory() as place:
        root = Path(place)
        made = [
            several_methods(root / "several"),
            write_study(root / "audited", claims=str(CLAIMS)),
            write_study(root / "unscored", reviews=(None, GOLD), passages=(NEVER_ABSTAINS, LEARNED)),
            write_study(root / "untuned", passages=(None, None)),
            many_seeds(root / "seeds"),
        ]
        for study in made:
            build_report(study, output=folder_of(study), facts_only=True)
        found = [json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8")) for study in made]
    return [one_method(), *found]


def random_facts(seed: int) -> dict[str, Any]:
    """Returns random facts: half of them of the plain study, the others of the five odd ones in turn."""
    study = studies()[max(0, seed % 10 - 4)]
    return shaken(study, random.Random(seed))
