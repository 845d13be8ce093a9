"""The parts of `benchmarks/measure/scaling.py`: idle env runners, fake nodes, a model of an iteration."""
