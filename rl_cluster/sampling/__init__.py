"""Making experience: acting in batches of worlds, and the arithmetic of who samples how much."""
