"""The size ladder: how a network that was trained on small teams plays larger teams, zero-shot.

At every rung the network (argmax), random play and a reference heuristic play the same episodes with N UAVs. Networks
of several training seeds count as one network whose J is their mean:

    score      s(N) = (J_policy - J_random) / (J_reference - J_random), J = mean of the task's headline metric
    transfer   s(N) / s(N0), N0 = the largest team that the network was trained on

Raw means do not measure transfer: larger worlds are harder or easier for every policy. `ladder_report.py` shows the
results.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from rl_cluster.config.limits import highest_count
from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.interface import EpisodeMetric, Policy
from rl_cluster.environment.tasks import make_source, task_of
from rl_cluster.errors import ConfigError
from rl_cluster.evaluation.intervals import Interval, bootstrap_interval, defined_ratio, ratio_of_scores, relative_score
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.sampling.episodes import ModelPolicy, Progress, evaluate

__all__ = ["FLAGGED_BELOW", "REGIMES", "Ladder", "Regime", "Rung", "climb", "parse_sizes", "rung_config"]

Regime = Literal["constant density", "fixed area"]
REGIMES: tuple[Regime, ...] = ("constant density", "fixed area")
FLAGGED_BELOW = 0.5
"""A transfer ratio below this is called a failure."""
LARGEST_TEAM = 4096
SIZES = ("num_uavs", "num_targets", "num_obstacles", "spacing_m")
"""Settings of the generator that a rung changes."""
MOST_EPISODES, FEWEST_EPISODES, UAV_EPISODES = 800, 4, 6400
"""Episodes of a rung, within bounds: enough for 6,400 flights of single UAVs."""
PAIRS_AT_ONCE = 1 << 24
"""Pairs of entities in the worlds that are played side by side, which dense attention holds in memory."""


class Rung(NamedTuple):
    """The scores with N UAVs."""

    num_uavs: int
    headline: NDArray[np.float64]
    """(E, 3) headline metric of each episode: policy, random, reference."""
    of_each: NDArray[np.float64]
    """(E, P) headline metric of each network; their mean is the policy's."""
    collisions: Interval
    """The policy's collisions per UAV."""

    @property
    def means(self) -> Interval:
        """Means of the headline metric: policy, random, reference."""
        return bootstrap_interval(self.headline)

    @property
    def score(self) -> Interval:
        """The policy's score, on a scale from 0 (random) to 1 (reference)."""
        return relative_score(self.headline)

    def score_of_each(self) -> NDArray[np.float64]:
        """(P,) score of every network alone; NaN if the reference is not above random."""
        _, random, reference = self.headline.mean(axis=0)
        span = reference - random if reference > random else np.nan
        scores: NDArray[np.float64] = (self.of_each.mean(axis=0) - random) / span
        return scores


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs of one regime, in order of increasing size."""

    regime: Regime
    metric: EpisodeMetric
    """The headline metric."""
    reference: str
    trained_on: int
    """N0, which is one of the rungs."""
    rungs: tuple[Rung, ...]
    without_room: tuple[int, ...]
    """Sizes for which the area has no room."""

    @property
    def num_networks(self) -> int:
        """P"""
        return int(self.rungs[0].of_each.shape[1])

    def transfer(self, rung: Rung) -> Interval:
        """The rung's score divided by that at N0; exactly 1 at N0."""
        base = next(other for other in self.rungs if other.num_uavs == self.trained_on)
        if rung is base:
            return Interval(*(np.array(1.0) for _ in Interval._fields))
        return ratio_of_scores(rung.headline, base.headline)

    def transfer_of_each(self, rung: Rung) -> NDArray[np.float64]:
        """(P,) transfer ratio of every network alone."""
        base = next(other for other in self.rungs if other.num_uavs == self.trained_on)
        return defined_ratio(rung.score_of_each(), base.score_of_each())

    def is_failure(self, rung: Rung) -> bool:
        """True = transfer is below one half, or undefined."""
        return not self.transfer(rung).mean >= FLAGGED_BELOW


def parse_sizes(text: str) -> list[int]:
    """Numbers of UAVs, as `3,4,7`. Raises ConfigError if one of them is no whole number from 1 to 4096."""
    sizes = []
    for part in text.split(","):
        if not re.fullmatch(r" *[0-9]{1,4} *", part) or not 1 <= int(part) <= LARGEST_TEAM:
            raise ConfigError("--ladder", f"got {part[:20]!r}", f"write numbers from 1 to {LARGEST_TEAM}, as 8,16,32")
        sizes.append(int(part))
    return sizes


def climb(
    models: Sequence[TransformerGNN],
    config: Config,
    regime: Regime,
    sizes: Sequence[int],
    seed: int,
    progress: Progress,
) -> Ladder:
    """Plays all rungs.

    Args:
        models: The networks, on the device where they are to run.
        config: The settings of their training; rungs differ from it only in size.
        regime: What else changes with the size; see `rung_config`.
        sizes: Numbers of UAVs; the largest size in training is added.
        seed: Keys the episodes, which are of the stream that is never trained on.
        progress: Called with the policy that plays and the number of episodes done.
    """
    trained_on = highest_count(config.generator, "num_uavs")
    configs = {size: rung_config(config, size, regime) for size in sorted({*sizes, trained_on})}
    return Ladder(
        regime=regime,
        metric=task_of(config).headline,
        reference=task_of(config).reference,
        trained_on=trained_on,
        rungs=tuple(_play(models, rung, seed, progress) for rung in configs.values() if rung),
        without_room=tuple(size for size, rung in configs.items() if rung is None),
    )


def rung_config(config: Config, num_uavs: int, regime: Regime) -> Config | None:
    """The settings of a rung; None if the area has no room for this many UAVs.

    There are as many targets per UAV as in the largest training episodes. At constant density, the area and the number
    of no-fly zones grow with the team. On the fixed area of the largest training episodes, UAVs are closer together; it
    has no zones, because placement reserves a cell for each. Each part of a mixture grows from its own sizes.
    """
    data = config.model_dump(mode="json")
    generator = data["generator"]
    generator["scenarios"] = []  # a scenario has its own size
    for part in generator.get("mixture", ()):
        part |= {name: part.get(name, generator[name]) for name in SIZES if name in generator}
    for settings in (generator, *generator.get("mixture", ())):
        _grow(settings, num_uavs, regime)
    try:
        return type(config).model_validate_json(json.dumps(data), strict=True)
    except ValidationError:
        return None


def _grow(settings: dict[str, Any], num_uavs: int, regime: Regime) -> None:
    """Changes the sizes of a generator's episodes, or of a part's, to those of a rung, in place."""
    growth = num_uavs / settings["num_uavs"][1]
    settings["num_uavs"] = [num_uavs, num_uavs]
    if "num_targets" in settings:
        settings["num_targets"] = [max(1, round(settings["num_targets"][1] * growth))] * 2
    if regime == "fixed area":
        settings["spacing_m"] /= growth**0.5
        settings["num_obstacles"] = [0, 0]
    else:
        settings["num_obstacles"] = [min(1024, round(number * growth)) for number in settings["num_obstacles"]]


def _play(models: Sequence[TransformerGNN], config: Config, seed: int, progress: Progress) -> Rung:
    num_uavs, source = config.generator.num_uavs[0], make_source(config, seed, is_training=False)
    num_episodes = min(MOST_EPISODES, max(FEWEST_EPISODES, UAV_EPISODES // num_uavs))
    num_entities = source.sizes.num_uavs + source.sizes.num_targets + source.sizes.num_obstacles
    batch_size = max(1, min(64, PAIRS_AT_ONCE // num_entities**2))
    known = task_of(config).heuristics
    policies: list[Policy] = [
        *(ModelPolicy(model, "argmax", seed) for model in models),
        *(known[name](seed) for name in ("random", task_of(config).reference)),
    ]

    def tell(policy_name: str, num_done: int) -> None:
        progress(f"{num_uavs} UAVs, {policy_name}", num_done)

    outcomes = [
        evaluate(policy, source, config, num_episodes, batch_size=batch_size, progress=tell) for policy in policies
    ]
    headline = np.stack([scores[task_of(config).headline.name] for scores in outcomes], axis=1)
    of_each, random_and_reference = headline[:, : len(models)], headline[:, len(models) :]
    return Rung(
        num_uavs=num_uavs,
        headline=np.column_stack([of_each.mean(axis=1), random_and_reference]),
        of_each=of_each,
        collisions=bootstrap_interval(
            np.mean([scores["collisions_per_uav"] for scores in outcomes[: len(models)]], axis=0)
        ),
    )
