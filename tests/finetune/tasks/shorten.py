"""The hook of `short_passages.yaml`."""

from datasets import Dataset


def contexts(docs: Dataset) -> Dataset:
    """Returns ``docs`` with the first 40 characters of each passage."""
    return docs.map(lambda doc: {"context": doc["context"][:40]}, keep_in_memory=True)
