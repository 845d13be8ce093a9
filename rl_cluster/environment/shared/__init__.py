"""What the worlds of all tasks are made of."""
