"""The page's sentences and tables, as Jinja templates."""
