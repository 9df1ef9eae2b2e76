"""Pixels in, faces or masked pixels out: only the worker and the command line import this package."""
