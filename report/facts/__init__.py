"""Facts: every value on the page with its unit, its uncertainty and its source."""
