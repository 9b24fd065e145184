"""What a study came to: facts from its files, and the page, the figures and the exports from the facts."""
