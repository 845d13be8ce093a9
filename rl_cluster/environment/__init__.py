"""The worlds: scenarios, flight, delivery, what is seen and rewarded, outcomes, heuristics."""

from rl_cluster.config.caches import choose_kernel_cache

choose_kernel_cache()  # whoever imports a kernel, in whichever process, comes by here first
