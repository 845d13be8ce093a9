"""What is measured: its names, who reads it, what it warns of, and where it is sent."""
