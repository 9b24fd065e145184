"""Templates: ours, and before them those in the study's own folder.

`aftertune template list|copy` shows and copies them; `templates/README.md` says what they may name.
"""

from report.page.template.environment import environment, filled
from report.page.template.lookup import own_templates, source

__all__ = ["environment", "filled", "own_templates", "source"]
