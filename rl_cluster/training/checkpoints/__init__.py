"""The one format of checkpoints: what is in them, how they are written whole, checked, read and kept."""
