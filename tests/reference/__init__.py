"""Slow truths that the package is held against, and what writes the files that are stored beside the tests."""
