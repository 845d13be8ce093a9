"""Task `navigate`: every UAV flies to its goal."""
