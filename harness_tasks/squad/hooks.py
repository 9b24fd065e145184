"""SQuAD's rows, targets and scores; `passages_demo` shares the last two."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness_tasks import data, metrics

V1 = data.Hub(
    name="rajpurkar/squad",
    revision="7b6d24c440a36b6815f21b70d25016731768db1f",
    splits=(
        ("train", data.PinnedRows(87599, None, "3527663986b8295af4f7fcdff1ba1ff3f72d07d61a20f487cb238a6ef92fd955")),
        ("validation", data.PinnedRows(10570, "5627e643adee4f69602572bdc976b3a665acb8ebf16809c05455fe12125abc93")),
    ),
    files=("squad1/train-v1.1.json", "squad1/dev-v1.1.json"),
)
V2 = data.Hub(
    name="rajpurkar/squad_v2",
    revision="3ffb306f725f7d2ce8394bc1873b24868140c412",
    splits=(
        ("train", data.PinnedRows(130319, None, "68dcfbb971bd3e96d5b46c7177b16c1a4e7d4bdef19fb204502738552dede002")),
        ("validation", data.PinnedRows(11873, "33b63f4c3ac4e2dc0d8f6a984535d4ba6812b4ddfdba3b80b3d9248952688415")),
    ),
    files=("squad2/train-v2.0.json", "squad2/dev-v2.0.json"),
)
V1_TRAIN_SUBSET = "squad1/train-subset-v1.1.json"
"""A part of the v1.1 training articles (Du et al. 2017, test split); read where the whole file is not there."""
V1_TRAIN_SUBSET_ROWS = data.PinnedRows(11877, "5f97762493ca95f7d87c137ae0f5f3eba91b43941994ef20bf4e1fee5ea60ab9")


def load(**metadata: Any) -> data.Splits:
    """Returns the splits of ``squad_llama``, made of the v2.0 training rows.

    80 % to train on, the other 20 % to score, and a few-shot pool of passages of which no question is scored.
    """
    source = _rows(V2, metadata, "train")

    def make() -> dict[str, list[data.Row]]:
        training, scored = data.assignment_indices(len(source.rows))
        train, test = [source.rows[i] for i in training], [source.rows[i] for i in scored]
        return {"train": train, "test": test, "fewshot": _shots(train, test)}

    proofs = dict.fromkeys(("train", "test", "fewshot"), source.proof)
    return data.deliver(metadata, source.origin, make, key=("squad_llama", source.key), kind="answers", proofs=proofs)


def load_v1(**metadata: Any) -> data.Splits:
    """Returns the splits of ``squad_v1_llama``: the official training and development rows, and a few-shot pool."""
    return _official(V1, metadata)


def load_v2(**metadata: Any) -> data.Splits:
    """Returns the splits of ``squad_v2_llama``: the official training and development rows, and a few-shot pool."""
    return _official(V2, metadata)


def _official(hub: data.Hub, metadata: Mapping[str, Any]) -> data.Splits:
    """Returns the official splits; a folder without the training file still scores its development rows zero-shot."""
    folder = data.folder_of(metadata)
    scored = _rows(hub, metadata, "validation")
    if folder is not None and _training_file(hub, folder) is None:
        return data.deliver(
            metadata,
            scored.origin,
            lambda: {"validation": scored.rows},
            key=(hub.name, scored.key),
            kind="answers",
            proofs={"validation": scored.proof},
            missing=data.missing_file(folder, hub.files[0], hub),
        )
    training = _rows(hub, metadata, "train")

    def make() -> dict[str, list[data.Row]]:
        pool = _shots(training.rows, scored.rows)
        return {"train": training.rows, "validation": scored.rows, "fewshot": pool}

    origin = data.both(scored.origin, training.origin)
    return data.deliver(
        metadata,
        origin,
        make,
        key=(hub.name, scored.key, training.key),
        kind="answers",
        proofs={"train": training.proof, "validation": scored.proof, "fewshot": training.proof},
    )


def _rows(hub: data.Hub, metadata: Mapping[str, Any], split: str) -> data.Rows:
    folder = data.folder_of(metadata)
    if folder is None:
        return data.hub_rows(hub, split, _from_hub)
    file = hub.files[1] if split == "validation" else _training_file(hub, folder) or hub.files[0]
    known = V1_TRAIN_SUBSET_ROWS if file == V1_TRAIN_SUBSET else dict(hub.splits)[split]
    return data.folder_rows(folder, file, hub, from_json, known=known, other_rows=data.means_other_rows(metadata))


def _training_file(hub: data.Hub, folder: Path) -> str | None:
    candidates = (hub.files[0], V1_TRAIN_SUBSET) if hub is V1 else (hub.files[0],)
    return next((file for file in candidates if (folder / file).exists()), None)


def _shots(training: Sequence[data.Row], scored: Sequence[data.Row]) -> list[data.Row]:
    def passages(indices: Sequence[int]) -> list[str]:
        return [training[index]["context"] for index in indices]

    return data.shot_pool(training, passages, {row["context"] for row in scored})


def _from_hub(row: data.Row) -> data.Row:
    answers = {"text": list(row["answers"]["text"]), "answer_start": list(row["answers"]["answer_start"])}
    return {**{field: row[field] for field in ("id", "title", "context", "question")}, "answers": answers}


def from_json(text: str) -> list[data.Row]:
    """Returns the questions of a file in SQuAD's format (v1.1 or v2.0), in their order, with the Hub's field names.

    Raises ValueError, KeyError, TypeError or AttributeError where ``text`` is not such a file.
    """
    rows: list[data.Row] = [
        {
            "id": question["id"],
            "title": article.get("title", ""),
            "context": paragraph["context"],
            "question": question["question"],
            "answers": {
                "text": [answer["text"] for answer in question["answers"]],
                "answer_start": [answer["answer_start"] for answer in question["answers"]],
            },
        }
        for article in json.loads(text)["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]
    if not rows:
        raise ValueError("the file holds no question")
    return rows


class _Answer(str):
    """An answer that stays text: lm_eval 0.5 makes a number of one such as "1958", and takes it for a choice."""

    def isdigit(self) -> bool:
        return False


def target(doc: Mapping[str, Any]) -> str:
    """Returns what a model should write: the first answer, or "unanswerable".

    A function and no template: lm_eval would take a rendered answer such as "[1]" for a Python list.
    """
    answers = doc["answers"]["text"]
    return _Answer(" ".join(answers[0].split()) if answers else "unanswerable")


def process_results(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """Returns one question's scores as `metrics.answer_scores` has them, 0 to 100."""
    return metrics.answer_scores(results[0], doc["answers"]["text"])


corpus_bleu = metrics.corpus_bleu


class _Named:
    """A function that lm_eval writes into its results by its name, where it would write its address in memory."""

    def __init__(self, name: str, function: Callable[..., float]) -> None:
        self.__name__, self.function = name, function

    def __call__(self, *arguments: Any) -> float:
        return self.function(*arguments)

    def __repr__(self) -> str:
        return f"{_Named.__module__}.{self.__name__}"


f1 = _Named("f1", lambda golds, said: metrics.token_f1(said, golds))
bleu = _Named("bleu", metrics.corpus_bleu)
