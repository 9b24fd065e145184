"""Facts of parameter counts, from `parameters/*.json`."""

from pathlib import Path

from finetune.kinds import PARAMETERS
from harness_tasks.errors import UserError
from report.facts.schema.parts import Absent, Fact, is_known
from report.facts.schema.training import Component, ParameterCounts
from report.facts.values import fact, missing, recorded
from report.reading.results import read_json
from report.reading.scored import refuse_other, refuse_replaced

_NOT_TOLD = "its files do not tell which parameters were trained"
"""Of a whole model that was trained elsewhere."""


def ledger_facts(folder: Path, checkpoint: str) -> ParameterCounts | Absent:
    """Returns the parameter counts of a checkpoint, from `parameters/<checkpoint>.json`.

    Raises:
        UserError: a component's closed form disagrees with what was counted, the components do not sum to the total, or
            the file says that it counted another model.
    """
    name = f"parameters/{checkpoint}.json"
    if not (folder / name).exists():
        return Absent(absent=missing(f"its parameters have not been counted: there is no {name}"))
    ledger = read_json(folder, name, PARAMETERS)
    refuse_other(folder, name, checkpoint, {"pretrained": ledger.value("model")}, is_ours=False)
    refuse_replaced(folder, ledger, checkpoint)
    components = ledger.content.get("components") or []
    for component in components:
        if component["closed_form"] not in (None, component["counted"]):
            raise UserError(
                f"{name}: {component['component']} counts {component['counted']}, its closed form gives "
                f"{component['closed_form']}",
                "one of the two is wrong, so neither may be shown",
                "count again with aftertune params, and report the model's configuration to us",
            )
    counted = sum(component["counted"] for component in components)
    if components and counted != ledger.content.get("total"):
        raise UserError(
            f"{name}: the components sum to {counted}, the total says {ledger.content.get('total')}",
            "the page would contradict itself",
            "delete the file and run the study again",
        )
    known = {key: recorded(ledger, key, unit="count") for key in ("total", "added", "tied")}
    known["trainable"] = recorded(ledger, "trainable", unit="count", absent=_NOT_TOLD)
    share: Fact = missing(_NOT_TOLD)
    total, trainable = known["total"], known["trainable"]
    if is_known(total) and is_known(trainable) and total.value:
        part = trainable.value / total.value
        share = fact(part, "share", ledger.source("trainable"), also=[ledger.source("total")])
    return ParameterCounts(
        **known,
        trained_share=share,
        components=[
            Component(
                component=fact(row["component"], "text", ledger.source("components", i, "component")),
                formula=fact(row["formula"], "text", ledger.source("components", i, "formula")),
                counted=fact(row["counted"], "count", ledger.source("components", i, "counted")),
                trainable=missing(_NOT_TOLD)
                if row["trainable"] is None
                else fact(row["trainable"], "count", ledger.source("components", i, "trainable")),
                closed_form=missing("no formula is known")
                if row["closed_form"] is None
                else fact(row["closed_form"], "count", ledger.source("components", i, "closed_form")),
            )
            for i, row in enumerate(components)
        ],
    )
