"""Settings of a study: a search for the settings of a run, by training many of them."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rl_cluster.config.section import Section

__all__ = ["Dimension", "StudyConfig"]

POPULATION = ("pbt", "pb2")
"""Searches that change settings while trials train."""


class Dimension(Section):
    """One setting that is searched, and its range."""

    key: Annotated[str, Field(pattern=r"^[a-z_.0-9]{1,80}$")]
    """Dotted key of a number, or of a pair [first, last], which is scaled as a whole: its first value is searched."""
    low: Annotated[float, Field(ge=-1e9, le=1e9)]
    """Least value."""
    high: Annotated[float, Field(ge=-1e9, le=1e9)]
    """Greatest value."""
    log: bool
    """true: searched by its logarithm, as factors matter; false: by its value."""

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"{self.key}: low={self.low:g} is not below high={self.high:g}; write low < high")
        if self.log and self.low <= 0.0:
            raise ValueError(f"{self.key}: low={self.low:g} has no logarithm; raise it above 0, or set log: false")
        return self


class StudyConfig(Section):
    """What is searched, how, and by which score. A round is `training.evaluate_every` iterations of a trial."""

    engine: Literal["local", "ray"]
    """On what trials train. local: in their own process. ray: with env runners and Learners of their own."""
    search: Literal["random", "tpe", "gp", "pbt", "pb2"]
    """tpe, gp: Bayesian (Optuna). pbt, pb2: a population that copies its best, by chance or by a Gaussian process."""
    scheduler: Literal["none", "asha", "stages"]
    """What ends trials early. asha: who is behind after equal rounds. stages: after equal rounds of a stage."""
    metric: Annotated[str, Field(pattern=r"^[a-z0-9_/]{1,80}$")]
    """Key of the metric that is maximised: `evaluation/..` of an episode metric, or `curriculum/score`."""
    num_trials: Annotated[int, Field(ge=1, le=100_000)]
    """Settings that are tried; of a population its size."""
    max_concurrent: Annotated[int, Field(ge=1, le=10_000)]
    """Trials that train at a time."""
    first_seed: Annotated[int, Field(ge=0, lt=2**30)]
    """Trials train with seeds first_seed, first_seed + 1, .."""
    num_seeds: Annotated[int, Field(ge=1, le=100)]
    """Runs of a trial, one a seed, side by side. Its score is their mean minus half their standard deviation."""
    num_test_seeds: Annotated[int, Field(ge=0, le=100)]
    """Seeds after those with which the best settings and the given ones train once more at the end; 0: neither does."""
    grace_rounds: Annotated[int, Field(ge=1, le=100_000)]
    """Rounds before a trial may be ended early, or change its settings."""
    reduction: Annotated[float, Field(ge=1.01, le=100.0)]
    """One of so many trials goes on from each rung; rungs are grace_rounds times its powers."""
    exploit: bool
    """scheduler=stages: a trial that would be ended goes on from a better one's checkpoint instead."""
    cpus_per_trial: Annotated[float, Field(ge=1e-3, le=1024.0)]
    """CPUs that Ray sets aside for a trial's process; engine=ray adds those of its actors."""
    gpus_per_trial: Annotated[float, Field(ge=0.0, le=1.0)]
    """Share of a GPU for a trial's process; above 0 it trains there."""
    space: Annotated[tuple[Dimension, ...], Field(min_length=1, max_length=64)]
    """What is searched."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        keys = [dimension.key for dimension in self.space]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise ValueError(f"space has {twice} more than once; omit one of them")
        if self.is_population and self.scheduler != "none":
            raise ValueError(f"search={self.search} decides itself who goes on; set scheduler: none")
        if self.is_population and self.num_trials < 2:
            raise ValueError(f"search={self.search} is of a population; set num_trials to 2 or more")
        if (self.is_population or self.exploit) and (fixed := next((k for k in keys if k.startswith("model.")), None)):
            raise ValueError(f"{fixed} cannot change where weights are copied; remove it from space")
        if self.exploit and self.scheduler != "stages":
            raise ValueError("exploit is for scheduler: stages; set it to false")
        return self

    @property
    def is_population(self) -> bool:
        """Whether trials change their settings while they train."""
        return self.search in POPULATION

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of all trials."""
        return tuple(range(self.first_seed, self.first_seed + self.num_seeds))

    @property
    def test_seeds(self) -> tuple[int, ...]:
        """The seeds of the tests, which no trial uses."""
        first = self.first_seed + self.num_seeds
        return tuple(range(first, first + self.num_test_seeds))
