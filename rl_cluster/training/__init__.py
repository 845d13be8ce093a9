"""Training without Ray, and what every engine shares: the loop, the run folder, the one checkpoint format."""
