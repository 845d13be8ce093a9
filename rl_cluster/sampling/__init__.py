"""Makes experience: a network acts in batches of worlds, for rollouts and for scores."""
