"""How much a search may spend at a decision, and how it is written: `plans=64`, or `ms=500`, and `futures=4`."""

from typing import NamedTuple

from rl_cluster.errors import ConfigError

__all__ = ["MAX_FUTURES", "MAX_MS", "MAX_PLANS", "Budget", "parse_budget"]

MAX_PLANS, MAX_MS, MAX_FUTURES = 100_000, 3_600_000, 256
_WHERE = "--search"
_REMEDY = "write plans=64 or ms=500, and futures=4 where targets appear or UAVs fail"
_HIGHEST = {"plans": MAX_PLANS, "ms": MAX_MS, "futures": MAX_FUTURES}


class Budget(NamedTuple):
    """What a decision may cost in each world. Either `plans` or `ms` is given, the other is 0."""

    plans: int = 64
    """Plans played besides the best one known; the same choice comes out on every machine"""
    ms: int = 0
    """Milliseconds; at least one plan is played, and the choice depends on the machine's speed"""
    futures: int = 0
    """Drawn futures that each plan is played in where the future is not known; 0 = such worlds are refused"""


def parse_budget(text: str) -> Budget:
    """A budget as users write it. Raises ConfigError if it is none, or below one plan."""
    amounts: dict[str, int] = {}
    for part in text.split(","):
        name, _, amount = part.strip().partition("=")
        if name not in _HIGHEST or name in amounts or not (amount.isascii() and amount.isdecimal()):
            raise ConfigError(_WHERE, f"{part.strip() or 'nothing'} is no part of a budget", _REMEDY)
        amounts[name] = int(amount) if len(amount) < 12 else 10**12
        if not 1 <= amounts[name] <= _HIGHEST[name]:
            what = f"{name}={amount[:12]} is not between 1 and {_HIGHEST[name]}"
            raise ConfigError(_WHERE, what, _REMEDY)
    if ("plans" in amounts) == ("ms" in amounts):
        what = "a budget is in plans or in ms, not in both" if "ms" in amounts else "it says neither plans nor ms"
        raise ConfigError(_WHERE, what, _REMEDY)
    return Budget(amounts.get("plans", 0), amounts.get("ms", 0), amounts.get("futures", 0))
