"""The views of a run: its lines while it trains, its live page, its timeline."""
