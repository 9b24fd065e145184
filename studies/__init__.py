"""What a study is: the YAML files of this folder, read and checked."""

from studies.study import Author, Checkpoint, HubRepos, Model, Study, TaskPlan, load_study

__all__ = ["Author", "Checkpoint", "HubRepos", "Model", "Study", "TaskPlan", "load_study"]
