"""Trains policies for swarms of UAVs with Ray RLlib. Importing this package alone loads neither Ray nor torch."""

__all__ = ["__version__"]

__version__ = "0.2.0"
