"""The files of a run: its folder, metrics and status, and what else a command writes for the user."""
