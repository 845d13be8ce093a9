"""Where a run's actors stand: the plan, the room that Ray holds for them, and their start."""
