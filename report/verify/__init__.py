"""`aftertune verify`: three equalities between a page, its facts, and the files behind them.

1. The facts are what the files give: computed again from them, each response scored again (`recount.py`, `rescore.py`).
2. The page is what the facts give: rendered again, and set beside the file piece by piece, hidden pieces too
   (`made.py`, `pieces.py`, `differences.py`).
3. The templates are this version's; a study's own are named, and held to the hash that its facts have of them.

What each sentence means is another question. It is judged in `tests/oracle/`, which writes the page down a second time
by other means, and holds both against thousands of random facts.
"""
