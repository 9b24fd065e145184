"""The three formulations: what a head learns, how its rows look, and its loss. Each is a file of its own."""

from typing import Any

from finetune import causal, classifier, span
from finetune.heads import Head

FORMULATIONS: dict[Head, Any] = {module.HEAD: module for module in (causal, classifier, span)}
