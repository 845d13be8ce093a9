"""Measurements behind the claims of the documentation, and the tables made from them."""
