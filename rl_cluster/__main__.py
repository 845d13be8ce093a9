"""`python -m rl_cluster` is the same command as `rl-cluster`."""

from rl_cluster.cli import main

main()
