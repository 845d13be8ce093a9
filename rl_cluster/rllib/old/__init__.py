"""The engine on RLlib's old API stack: a leaf, on which nothing else of the ring stands."""
