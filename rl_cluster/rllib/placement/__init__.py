"""The placement of a run's actors: the plan, the room that Ray reserves for them, and their start."""
