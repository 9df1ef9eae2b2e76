"""The model files: which there are, where one is, fetching and checking it."""
