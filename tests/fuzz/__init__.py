"""Mutated files: whatever they hold, they are read in proportion to their bytes, or refused."""
