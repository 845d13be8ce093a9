"""The parts that the worlds of all tasks share."""
