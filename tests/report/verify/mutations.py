"""Wrong pages and wrong files, made from right ones: what `aftertune verify` must catch.

A mutant is a change that a reader could see. Each function returns None where it finds nothing to change.
"""

import hashlib
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

Mutate = Callable[[str, random.Random], str | None]

# The explorer shows samples and claims nothing; `verify` sets what is in it beside the sample files.
_HIDDEN = re.compile(
    r"(<section id=\"explorer\".*?</section>|<script.*?</script>|<style.*?</style>|<!doctype[^>]*>|<[^>]*>)",
    flags=re.DOTALL | re.IGNORECASE,
)

WORDS = {
    "rises": ["falls", "stays"],
    "falls": ["rises"],
    "improves": ["worsens", "significantly improves"],
    "worse": ["better"],
    "better": ["worse", "much better"],
    "higher": ["lower"],
    "lower": ["higher"],
    "Higher": ["Lower", "Significantly higher"],
    "Lower": ["Higher"],
    "raises": ["lowers"],
    "lowers": ["raises"],
    "above": ["below", "far above"],
    "below": ["above"],
    "no clear difference": ["a clear difference", "no significant difference"],
    "No clear difference": ["Clear difference"],
    "cannot be told": ["can be told"],
    "does not": ["does"],
    "is not": ["is"],
    "are not": ["are"],
    "was not": ["was"],
    "the same": ["not the same", "nearly the same"],
    "The same": ["Not the same"],
    "equal": ["different"],
    "exactly": ["about"],
    "all": ["most"],
    "more": ["fewer", "less"],
    "right": ["wrong"],
    "wrong": ["right"],
    "biased towards": ["biased against"],
    "biased against": ["biased towards"],
    "a cause": ["a likely cause", "a symptom"],
    "improved": ["worse", "much improved"],
    "overconfident": ["underconfident"],
    "underconfident": ["overconfident"],
    "no clear change": ["a clear change"],
    "each of": ["most of"],
    "because": ["although"],
    "only": ["mostly"],
    "Nothing": ["Something"],
    "nothing": ["something"],
    "difference": ["improvement", "significant difference"],
}

SENTENCES = [
    "Fine-tuning significantly improves the model.",
    "The improvement is statistically significant.",
    "The difference is significant (p < 0.05).",
    "The fine-tuned model is clearly better.",
    "Accuracy rises by 12.5 percentage points.",
    "F1 improves from 71.2 to 88.4 after fine-tuning.",
    "The base model has 1,235,814,400 parameters.",
    "The number of parameters is not the same before and after fine-tuning.",
    "LoRA does as well as full fine-tuning.",
    "No difference was found.",
    "The model was trained for 3 epochs on 2 GPUs.",
    "The results were computed on 1,000 items.",
    "These numbers hold for other seeds too.",
    "The model overfits after 500 steps.",
    "The loss decreased steadily.",
    "Training and scored rows do not overlap.",
    "The score is above chance.",
    "The fine-tuned model answers every question.",
    "The base model always says positive.",
    "This is the best result published so far.",
    "All intervals exclude zero.",
    "The checkpoint is published at https://huggingface.co/someone/model.",
    "The scores were checked by hand.",
    "See the appendix for further results.",
    "The authors thank their families.",
    "Accuracy: 0.95",
    "95 %",
    "42",
    "The task declares no cluster.",
    "The intervals are too narrow.",
    "Training took 3 h 20 min and 12.5 GB of memory.",
    "Both models were scored in bfloat16.",
    "It gets no item wrong.",
    "Recall is the same before and after.",
    "Precision drops, which is a measured cause of the lost points.",
    "The recipe was not recorded.",
    "The weights are licensed under MIT.",
    "Of its 7 wrong answers, 5 say positive.",
    "Nothing is known: it has not been scored.",
    "In short, fine-tuning works.",
]


def _pieces(page: str) -> list[str]:
    """Returns the page in pieces, what a reader sees at even places; in Markdown that is all of it."""
    return _HIDDEN.split(page) if page.lstrip().startswith("<") else [page]


def replaced(page: str, pattern: str, choice: random.Random, new: Callable[[str], str | None]) -> str | None:
    """Returns the page with one match of ``pattern`` in its visible text changed to ``new`` of it."""
    pieces = _pieces(page)
    places = [(i, found) for i in range(0, len(pieces), 2) for found in re.finditer(pattern, pieces[i])]
    if not places:
        return None
    i, found = choice.choice(places)
    changed = new(found[0])
    if changed is None or changed == found[0]:
        return None
    pieces[i] = pieces[i][: found.start()] + changed + pieces[i][found.end() :]
    return "".join(pieces)


def digit(page: str, choice: random.Random) -> str | None:
    """Changes one digit of the visible text into another."""
    return replaced(
        page, r"(?<!&#x)\d(?!\d?;)", choice, lambda old: choice.choice([d for d in "0123456789" if d != old])
    )


def word(page: str, choice: random.Random) -> str | None:
    """Changes one word of direction or certainty, puts one in, or takes a `not` or `no` out."""
    kind = choice.random()
    if kind < 0.15:
        return replaced(page, r"\b(?:not|no) ", choice, lambda _: "")
    if kind < 0.3:
        extra = choice.choice(["significantly ", "clearly ", "slightly ", "not "])
        return replaced(
            page, r"\b(?:is|are|was|were|has|improves|rises|falls|says|answers)\b ", choice, lambda old: old + extra
        )
    known = "|".join(sorted(map(re.escape, WORDS), key=len, reverse=True))
    return replaced(page, rf"\b(?:{known})\b", choice, lambda old: choice.choice(WORDS[old]))


def cells(page: str, choice: random.Random) -> str | None:
    """Swaps two cells of one table; both stay valid facts."""
    if page.lstrip().startswith("<"):
        tables = [found.span() for found in re.finditer(r"<table.*?</table>", page, flags=re.DOTALL)]
        start, end = choice.choice(tables)
        found = [m.span(1) for m in re.compile(r"<td[^>]*>(.*?)</td>", flags=re.DOTALL).finditer(page, start, end)]
    else:
        tables = [m.span() for m in re.finditer(r"(?m)(?:^\|.*\n)+", page)]
        start, end = choice.choice(tables)
        header = page.index("\n", page.index("\n", start) + 1)
        found = [m.span(1) for m in re.compile(r"(?<=\|) ((?:\\.|[^|\\\n])*?) (?=\|)").finditer(page, header, end)]
    if len(found) < 2:
        return None
    one, two = sorted(choice.sample(found, 2))
    if page[slice(*one)] == page[slice(*two)]:
        return None
    return page[: one[0]] + page[slice(*two)] + page[one[1] : two[0]] + page[slice(*one)] + page[two[1] :]


def sentence(page: str, choice: random.Random) -> str | None:
    """Adds a sentence: made up, or one of the page's own in another place."""
    html = page.lstrip().startswith("<")
    new = choice.choice(SENTENCES)
    way = choice.choice(["paragraph", "item", "end", "begin", "own"])
    if html:
        if way in ("paragraph", "own"):
            own = choice.choice(re.findall(r"<(?:p|li)>(?:(?!<(?:p|li)>).)+?</(?:p|li)>", page, flags=re.DOTALL))
            new = re.sub(r"^<\w+>|</\w+>$", "", own) if way == "own" else new
            after = choice.choice([m.end() for m in re.finditer(r"</(?:p|h2|h3|ul|table>\n</div)>", page)])
            return page[:after] + f"\n<p>{new}</p>" + page[after:]
        if way == "item":
            after = choice.choice([m.end() for m in re.finditer(r"</li>", page)])
            return page[:after] + f"\n<li>{new}</li>" + page[after:]
        ends = [m.start() for m in re.finditer(r"</(?:p|li|td|figcaption|h3)>", page)]
        begins = [m.end() for m in re.finditer(r"<(?:p|li|td|h3)>", page)]
        place = choice.choice(ends if way == "end" else begins)
        return f"{page[:place]} {new} {page[place:]}"
    blocks = page.split("\n\n")
    place = choice.randrange(1, len(blocks))
    if way in ("paragraph", "item", "own"):
        own = choice.choice([block for block in blocks if block[:1] not in "#|!`"])
        text = own if way == "own" else f"- {new}" if way == "item" else new
        return "\n\n".join([*blocks[:place], text, *blocks[place:]])
    if blocks[place][:1] in "#|!`":
        return None
    blocks[place] = f"{blocks[place]} {new}" if way == "end" else f"{new} {blocks[place]}"
    return "\n\n".join(blocks)


SAID: dict[str, Mutate] = {"digit": digit, "word": word, "cells": cells, "sentence": sentence}


_OF_THE_PAGE = ("answer_", "audit.", "findings.", "macros.", "report.", "reproduce.")
"""How the names of those templates begin whose words stand on the page that `verify` reads."""


def plant(templates: Path, choice: random.Random) -> None:
    """Puts a wrong sentence into one of the templates in the folder ``templates``, or makes one of its own wrong."""
    page = (p for p in templates.glob("*.j2") if p.name.startswith(_OF_THE_PAGE) and ".tex." not in p.name)
    path = choice.choice(sorted(page))
    text = path.read_text(encoding="utf-8")
    if choice.random() < 0.5:
        known = "|".join(sorted(map(re.escape, WORDS), key=len, reverse=True))
        places = list(re.finditer(rf"(?<![\w|.\"{{_])(?:{known})(?![\w\"(])", text))
        if places:
            found = choice.choice(places)
            text = text[: found.start()] + choice.choice(WORDS[found[0]]) + text[found.end() :]
            path.write_text(text, encoding="utf-8")
            return
    new = choice.choice(SENTENCES)
    macros = [m.start() for m in re.finditer(r"\{% endmacro %\}", text)]
    lines = [m.end() for m in re.finditer(r"(?m)^[A-Z#*-][^|{\n]*\n", text)]
    if path.suffixes[-2:] == [".html", ".j2"]:
        place, new = text.index("{{ body }}"), f"<p>{new}</p>\n"
    elif macros and choice.random() < 0.8:
        place, new = choice.choice(macros), f" {new}"
    else:
        place, new = choice.choice([*lines, len(text)]), f"\n{new}\n"
    path.write_text(text[:place] + new + text[place:], encoding="utf-8")


def hashes(row: dict[str, Any]) -> dict[str, str]:
    """Returns lm_eval's three hashes of a row."""
    texts = {
        "doc_hash": json.dumps(row["doc"], indent=2, ensure_ascii=False),
        "prompt_hash": row["arguments"]["gen_args_0"]["arg_0"],
        "target_hash": row["target"],
    }
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
