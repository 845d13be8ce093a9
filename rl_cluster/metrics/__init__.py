"""Names of what is measured."""
