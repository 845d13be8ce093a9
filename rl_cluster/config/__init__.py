"""The settings of a run: the schema of every setting, the presets, and the way from a file to a checked `Config`."""
