"""What people call from Python: training, scoring, policies, runs. `rl_cluster` itself offers the names."""
