"""SQuAD v1.1 and v2.0: answers to questions, which are spans of a passage."""
