"""What a run shows: its steps, how far each is, what came out, and what failed."""
