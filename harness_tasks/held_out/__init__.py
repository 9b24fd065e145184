"""The likelihood of text that no checkpoint was trained on: what a model keeps of language itself."""
