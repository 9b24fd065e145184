"""SST-2: the sentiment of a sentence of a film review."""
