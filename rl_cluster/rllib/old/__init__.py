"""The engine on RLlib's old API stack: a leaf, which nothing else in the ring depends on."""
