"""The worlds: scenarios, flight, delivery, what is seen and rewarded, outcomes, heuristics."""

from rl_cluster.config.caches import choose_caches

choose_caches()  # whoever imports a kernel, in whichever process, comes by here first
