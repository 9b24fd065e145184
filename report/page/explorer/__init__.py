"""The explorer: every scored item with its prompt, its gold answer and what each model said, inside the page."""

from report.page.explorer.page import Explorer, Items, explorer, explorer_of_page

__all__ = ["Explorer", "Items", "explorer", "explorer_of_page"]
