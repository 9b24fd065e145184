"""Markdown and HTML from facts: templates, drawings, the explorer, exports."""
