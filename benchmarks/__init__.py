"""How fast the other rooms are, beside what else does the same work."""
