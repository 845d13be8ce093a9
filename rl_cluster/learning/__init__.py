"""From fragments to updated weights: advantages, losses, batches, the update. Torch and numpy; no environment."""
