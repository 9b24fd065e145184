"""What a study is: the YAML files of this folder, read and checked."""

from studies.experiments import FewShot
from studies.grid import Grid, load_grid
from studies.loading import load_study
from studies.study import (
    AnyCheckpoint,
    Author,
    Checkpoint,
    Elsewhere,
    HubRepos,
    Model,
    Scored,
    Study,
    TaskGroup,
    TaskPlan,
)

__all__ = [
    "AnyCheckpoint",
    "Author",
    "Checkpoint",
    "Elsewhere",
    "FewShot",
    "Grid",
    "HubRepos",
    "Model",
    "Scored",
    "Study",
    "TaskGroup",
    "TaskPlan",
    "load_grid",
    "load_study",
]
