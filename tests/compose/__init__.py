"""Tests of the deployment's files."""
