"""Decisions between iterations: a status in, a decision out, no side effects."""
