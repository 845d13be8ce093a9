"""Training without Ray, and what every engine shares: the loop, the one way to score, the one checkpoint format."""
