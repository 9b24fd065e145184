"""In which order a study's steps run: `Snakefile`, and what starts it."""
