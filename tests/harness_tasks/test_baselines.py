"""The first sentence, which a summary of nothing would copy."""

import pytest

from harness_tasks.baselines import first_sentence


@pytest.mark.parametrize(
    ("passage", "expected"),
    [
        ("Oak burns slowly. Pine does not.", "Oak burns slowly."),
        ("Does oak burn? It does.", "Does oak burn?"),
        ('He said "stop!" She did not.', 'He said "stop!"'),
        ("He said (at 3.5 p.m. or so) yes. No.", "He said (at 3.5 p.m. or so) yes."),
        ("The U.S. Army left. It came back.", "The U.S. Army left."),
        ("Mr. J. Smith met Dr. Jones. They spoke.", "Mr. J. Smith met Dr. Jones."),
        ("It cost 3.50 dollars. 1999 was the year.", "It cost 3.50 dollars."),
        ("one\n line and \n another. Then", "one line and another."),
        ("No end here", "No end here"),
        ("It was 1999. and so on", "It was 1999. and so on"),
        ("  ", ""),
    ],
)
def test_first_sentence(passage: str, expected: str) -> None:
    assert first_sentence(passage) == expected
