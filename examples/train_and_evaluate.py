"""Trains a policy in this process, without Ray, and scores it beside a heuristic on episodes that it has never seen."""

import sys

import rl_cluster

config = rl_cluster.load_config("dev", sys.argv[2:])  # key=value settings may follow the folder
run = rl_cluster.train(config, out=sys.argv[1], callbacks=[lambda record: print("iteration", record.done)])
print("reward:", run.metrics["episode/per_agent_reward"])
print(rl_cluster.evaluate(run, episodes=20))
print(rl_cluster.evaluate("complete-first", config, episodes=20))
