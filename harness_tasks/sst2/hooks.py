"""SST-2's rows: the assignment's split of the training file, and GLUE's own validation set."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness_tasks import data
from harness_tasks.sst2._source import SourceSentences

FILES = {"train": "sst2/train.tsv", "validation": "sst2/dev.tsv"}
HUB = data.Hub(
    name="stanfordnlp/sst2",
    revision="8d51e7e4887a4caaa95b3fbebbf53c0490b58bbb",
    splits=(
        ("train", data.PinnedRows(67349, "4f7bd17d24c6ded061d19838fb126e6204bfbe72067bddcf890a1bc705b4897a")),
        ("validation", data.PinnedRows(872, "32a47c8f15d36639dfc1828d4c89f3f4ebb34b8cbac207ebe9cba640b3ea2028")),
    ),
    files=tuple(FILES.values()),
)


def load(**metadata: Any) -> data.Splits:
    """Returns the splits of ``sst2_llama``: 80 % of the training rows, the other 20 % to score, and a few-shot pool.

    Each row names its ``source_sentence``, itself where it stands alone. The pool holds rows whose source is known
    and has no scored row, and that are part of none.
    """
    source = _rows(metadata, "train")

    def make() -> dict[str, list[data.Row]]:
        inferred = SourceSentences([row["sentence"] for row in source.rows]).infer()
        rows = [
            {**row, "source_sentence": sentence or " ".join(row["sentence"].split())}
            for row, sentence in zip(source.rows, inferred, strict=True)
        ]
        training, scored = data.assignment_indices(len(rows))
        train, test = [rows[i] for i in training], [rows[i] for i in scored]

        def sources(indices: Sequence[int]) -> list[str | None]:
            return [inferred[training[index]] for index in indices]

        pool = _shots(train, sources, {row["source_sentence"] for row in test}, test)
        return {"train": train, "test": test, "fewshot": pool}

    proofs = dict.fromkeys(("train", "test", "fewshot"), source.proof)
    return data.deliver(
        metadata, source.origin, make, key=("sst2_llama", source.key), kind="classification", proofs=proofs
    )


def load_glue(**metadata: Any) -> data.Splits:
    """Returns the splits of ``sst2_llama_glue``: GLUE's training rows, its 872 validation rows, and a few-shot pool.

    Without ``sst2/train.tsv`` in ``data_dir`` the validation rows are scored all the same, zero-shot; a request for
    training rows or shots then names the file.
    """
    scored = _rows(metadata, "validation")
    folder = data.folder_of(metadata)
    if folder is not None and not (folder / FILES["train"]).exists():
        return data.deliver(
            metadata,
            scored.origin,
            lambda: {"validation": scored.rows},
            key=("sst2_llama_glue", scored.key),
            kind="classification",
            proofs={"validation": scored.proof},
            missing=data.missing_file(folder, FILES["train"], HUB),
        )
    training = _rows(metadata, "train")

    def make() -> dict[str, list[data.Row]]:
        # Inferred over both files: a training phrase that was cut from a scored sentence has that sentence as source.
        phrases = [row["sentence"] for row in training.rows + scored.rows]
        sources = SourceSentences(phrases).infer
        sentences = {" ".join(row["sentence"].split()) for row in scored.rows}
        taken = sentences | {source for source in sources(range(len(training.rows), len(phrases))) if source}
        pool = _shots(training.rows, sources, taken, scored.rows)
        return {"train": training.rows, "validation": scored.rows, "fewshot": pool}

    origin = data.both(scored.origin, training.origin)
    return data.deliver(
        metadata,
        origin,
        make,
        key=("sst2_llama_glue", scored.key, training.key),
        kind="classification",
        proofs={"train": training.proof, "validation": scored.proof, "fewshot": training.proof},
    )


def _shots(
    training: Sequence[data.Row],
    sources: Callable[[Sequence[int]], Sequence[str | None]],
    taken: set[str],
    scored: Sequence[data.Row],
) -> list[data.Row]:
    # "one of the year 's best films" is part of a longer training sentence and of a scored one all the same.
    text = "\n".join(f" {row['sentence'].strip()} " for row in scored)
    return data.shot_pool(training, sources, taken, refuse=lambda row: f" {row['sentence'].strip()} " in text)


def _rows(metadata: Mapping[str, Any], split: str) -> data.Rows:
    folder = data.folder_of(metadata)
    if folder is None:
        return data.hub_rows(HUB, split, _from_hub)
    known, other_rows = dict(HUB.splits)[split], data.means_other_rows(metadata)
    return data.folder_rows(folder, FILES[split], HUB, _from_tsv, known=known, other_rows=other_rows)


def _from_hub(row: data.Row) -> data.Row:
    return {"sentence": row["sentence"], "label": row["label"]}


def _from_tsv(text: str) -> list[data.Row]:
    header, *lines = text.removesuffix("\n").split("\n")
    if header.rstrip("\r").split("\t") != ["sentence", "label"]:
        raise ValueError(f"the first line is {header[:40]!r}, not the header 'sentence<TAB>label'")
    rows = []
    for number, line in enumerate(lines, start=2):
        sentence, tab, label = line.rstrip("\r").rpartition("\t")
        if not tab or "\t" in sentence or label not in ("0", "1"):
            raise ValueError(f"line {number} is {line[:40]!r}, not 'sentence<TAB>0' or 'sentence<TAB>1'")
        rows.append({"sentence": sentence, "label": int(label)})
    if not rows:
        raise ValueError("there is no row under the header")
    return rows
