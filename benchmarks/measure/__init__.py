"""One script a claim: each measures what a page says, and runs as `python -m benchmarks.measure.NAME`."""
