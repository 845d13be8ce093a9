"""One script per claim of the documents. Each runs as `python -m benchmarks.measure.NAME`."""
