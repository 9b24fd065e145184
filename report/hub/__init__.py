"""`python -m report push STUDY`: the checkpoints to the Hugging Face Hub, each with a card of the study's facts."""

from report.hub.command import push

__all__ = ["push"]
