"""The Hugging Face Hub: what is fetched from it, checked against what it states, and what is said where that fails."""
