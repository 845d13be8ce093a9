"""Measures how good a policy is: scores with intervals, ladders of sizes, goals, and traces of what happened."""
