"""A task of your own for rl_cluster: see `task.py`, which brings the parts together."""
