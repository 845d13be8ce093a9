"""Scenarios: their files, the shipped ones, and maps that are read and written."""
