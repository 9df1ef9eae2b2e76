"""Faces over time: which are one, where one is that was missed, and where masks lie."""
