"""From fragments to updated weights: advantages, losses, batches and the update itself. Torch, numpy; no environment."""
