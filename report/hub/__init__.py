"""What is published on the Hugging Face Hub: checkpoints, their cards, and the report as a Space."""
