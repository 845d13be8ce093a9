"""What a run is made of: the schema of every setting, the presets, and the way from a file to a checked `Config`."""
