"""Other people's libraries, and other ways to do the same work, which the scripts of `measure` compare ours with."""
