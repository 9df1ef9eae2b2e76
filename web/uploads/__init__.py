"""Uploads: checked and read, or passed on to the store."""
