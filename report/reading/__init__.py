"""Other programs' files, read strictly; other people's text, cleaned."""
