"""Random facts of several kinds of studies, from the same seed always the same."""

import json
import random
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from report.page.build import build_report
from tests.report.other_kinds import write_other_kinds
from tests.report.sentences.test_random_facts import facts as one_method
from tests.report.sentences.test_random_facts import shaken
from tests.report.synthetic import (
    ALL_WRONG,
    ALWAYS_POSITIVE,
    GOLD,
    LEARNED,
    NEVER_ABSTAINS,
    TWO_WRONG,
    folder_of,
    write_bag_of_words,
    write_checkpoint,
    write_control,
    write_elsewhere,
    write_few_shot,
    write_merge,
    write_nearest_sentence,
    write_scores,
    write_study,
)

CLAIMS = Path(__file__).resolve().parents[2] / "studies" / "seed-claims.yaml"


def several_methods(root: Path) -> Path:
    """Returns a study of two methods and two seeds, of which not every checkpoint was trained, and a group."""
    experiments = {"control": "shuffled-targets", "retention": {"tasks": {}}, "few_shot": [4, 8]}
    asked = {"groups": {"texts": ["passages"]}, "experiments": experiments}
    study = write_study(root, methods=["lora", "full"], seeds=[1, 2], **asked)
    write_control(folder_of(study), "reviews-lora-seed1", "reviews", ALL_WRONG)
    write_control(folder_of(study), "passages-lora-seed1", "passages", NEVER_ABSTAINS)
    for name, reviews in (("full-seed1", GOLD), ("lora-seed2", ALL_WRONG), ("full-seed2", TWO_WRONG)):
        write_scores(folder_of(study), f"reviews-{name}", "reviews", reviews)
        write_checkpoint(folder_of(study), f"reviews-{name}", "reviews")
    for name, passages in (("lora-seed1", LEARNED), ("full-seed1", NEVER_ABSTAINS)):  # what reviews' training left
        write_scores(folder_of(study), f"reviews-{name}", "passages", passages)
    write_scores(folder_of(study), "passages-lora-seed1", "reviews", ALL_WRONG)
    write_nearest_sentence(folder_of(study), "passages-lora-seed1", LEARNED)
    for shots, reviews in ((4, ALWAYS_POSITIVE), (8, TWO_WRONG)):
        write_few_shot(folder_of(study), shots, "reviews", reviews)
    write_few_shot(folder_of(study), 8, "passages", LEARNED)
    for name, reviews in (("lora-seed1", TWO_WRONG), ("full-seed1", ALL_WRONG)):
        write_bag_of_words(folder_of(study), f"reviews-{name}", reviews)
    return study


def many_seeds(root: Path) -> Path:
    """Returns a study of seven seeds: more models on a task than a table has columns."""
    study = write_study(root, tasks={"reviews": {}}, seeds=list(range(1, 8)), passages=(None, None))
    for seed in range(2, 8):
        write_scores(folder_of(study), f"reviews-lora-seed{seed}", "reviews", TWO_WRONG if seed % 2 else GOLD)
        write_checkpoint(folder_of(study), f"reviews-lora-seed{seed}", "reviews")
    return study


def from_elsewhere(root: Path) -> Path:
    """Returns a study that trains nothing: an adapter, a whole model and a copy of the base, trained elsewhere.

    It has a group that does not weigh by size, and one without a metric in common.
    """
    groups = {"labels": {"tasks": ["reviews"], "weight_by_size": False}, "both": ["reviews", "passages"]}
    names = ("an-adapter", "a-model", "a-copy")
    checkpoints = [
        {"path": f"runs/{name}", **({"trained_on": "reviews"} if name == names[0] else {})} for name in names
    ]
    sides = {"reviews": (TWO_WRONG, None), "passages": (NEVER_ABSTAINS, None)}
    study = write_study(root, checkpoints=checkpoints, groups=groups, **sides)
    folder = folder_of(study)
    for name, kind in zip(names, ("adapter", "model", "model"), strict=True):
        write_scores(folder, name, "reviews", TWO_WRONG if name == "a-copy" else GOLD)
        write_scores(folder, name, "passages", NEVER_ABSTAINS if name == "a-copy" else LEARNED)
        write_elsewhere(folder, name, kind=kind, identical=name == "a-copy")
    write_merge(folder, names[0], names[1])
    return study


@cache
def studies() -> list[dict[str, Any]]:
    """Returns facts of studies: plain, and of each kind that `random_facts` shakes."""
    with TemporaryDirectory() as place:
        root = Path(place)
        made = [
            several_methods(root / "several"),
            write_study(root / "audited", claims=str(CLAIMS)),
            write_study(root / "unscored", reviews=(None, GOLD), passages=(NEVER_ABSTAINS, LEARNED)),
            write_study(root / "untuned", passages=(None, None)),
            many_seeds(root / "seeds"),
            from_elsewhere(root / "elsewhere"),
            write_other_kinds(root / "kinds"),
        ]
        for study in made:
            build_report(study, output=folder_of(study), facts_only=True)
        found = [json.loads((folder_of(study) / "facts.json").read_text(encoding="utf-8")) for study in made]
    return [one_method(), *found]


def random_facts(seed: int) -> dict[str, Any]:
    """Returns random facts: nearly half of them of the plain study, the others of the seven odd ones in turn."""
    study = studies()[max(0, seed % 13 - 5)]
    return shaken(study, random.Random(seed))
