"""Studies on Ray Tune: searches for the settings of a run. Part of the ring around the core."""
