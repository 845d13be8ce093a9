"""Task `allocate`: which UAV serves which target."""
