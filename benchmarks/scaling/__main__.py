"""`python -m benchmarks.scaling`, the short name of `python -m benchmarks.measure.scaling`."""

from benchmarks.measure.scaling import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
