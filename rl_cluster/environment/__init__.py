"""The worlds: scenarios, flight, delivery, what is seen and rewarded, outcomes, heuristics."""

from rl_cluster.config.caches import choose_kernel_cache

choose_kernel_cache()  # every import of a kernel, in any process, runs this first

from rl_cluster.environment.compiling import tell_compiling  # noqa: E402 - numba reads the choice when it is imported

tell_compiling()
