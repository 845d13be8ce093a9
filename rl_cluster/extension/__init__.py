"""Code of users and of other packages that takes part: found by `module:Class` or by entry points, and checked."""
