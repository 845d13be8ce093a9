"""Settings of what adapts during a run: learning rate, entropy weight, trust region, and a run that diverges."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rl_cluster.config.section import NonNegative, Positive, Section, Share, check_range

__all__ = ["ControllersConfig"]

Weight = Annotated[float, Field(ge=1e-6, le=1e4)]


SMALLEST_KL = 1e-9
"""KL in single precision has no finer target."""


class ControllersConfig(Section):
    """One signal moves one setting: a plateau the learning rate (or the entropy weight), KL the weight of KL."""

    warmup_iterations: Annotated[int, Field(ge=0, le=1_000_000)]
    """Iterations over which the learning rate rises to what `ppo.lr` says; 0: none."""
    plateau: Literal["none", "lr", "entropy"]
    """What a plateau of the evaluated score moves. lr: lowered by plateau_factor. entropy: its weight, raised by it."""
    plateau_rounds: Annotated[int, Field(ge=2, le=1000)]
    """Evaluations in a window: a window that is not significantly better than the best one before is a plateau."""
    plateau_factor: Annotated[float, Field(ge=0.01, lt=1.0)]
    """0.8: the learning rate falls to 0.8 of itself, or the entropy weight rises to 1 / 0.8 of itself."""
    min_lr: Share
    """The learning rate never falls below this through plateaus or fallbacks."""
    kl_target: NonNegative
    """KL(old policy || new policy) per UAV and update, in nats, that a penalty on KL holds; 0: no penalty."""
    kl_weight: Positive
    """The penalty's weight beta at the start."""
    kl_weight_range: tuple[Weight, Weight]
    """[low, high] of beta."""
    on_divergence: Literal["none", "restore"]
    """none: divergence is only told. restore: back to the last good weights and optimizer, at half the rate."""
    max_restores: Annotated[int, Field(ge=1, le=1000)]
    """With restore: ways back over the whole run; after them divergence is only told."""

    @model_validator(mode="after")
    def _begins_in_range(self) -> Self:
        if 0.0 < self.kl_target < SMALLEST_KL:
            raise ValueError(
                f"kl_target={self.kl_target:g} is below {SMALLEST_KL:g}; raise it, or set 0 for no penalty"
            )
        check_range("kl_weight_range", self.kl_weight_range)
        low, high = self.kl_weight_range
        if not low <= self.kl_weight <= high:
            raise ValueError(f"kl_weight={self.kl_weight} is not within kl_weight_range=[{low}, {high}]; move either")
        return self
