"""The generator's settings of task `allocate`: what its episodes are drawn from, and mixtures of unlike episodes.

A part of a mixture has a name, a weight, and the settings in which its episodes differ from the others. `parts_of` puts
the parts together with what they leave out, for those who draw and check episodes.
"""

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self, TypeVar

from pydantic import Field, SerializerFunctionWrapHandler, create_model, model_serializer, model_validator
from pydantic.fields import FieldInfo

from rl_cluster.config.allocate import AllocateWorldConfig
from rl_cluster.config.allocate_episodes import AllocateEpisodes, check_drawn
from rl_cluster.config.given_scenarios import AllocateVary, GivenScenarios
from rl_cluster.config.section import Section

__all__ = ["WORLD_RULES", "AllocateGeneratorConfig", "AllocatePart", "EpisodePart", "parts_of"]

SectionT = TypeVar("SectionT", bound=Section)

Weights = tuple[Annotated[float, Field(ge=1 / 64, le=64.0)], Annotated[float, Field(ge=1 / 64, le=64.0)]]

MAX_PARTS = 32
WORLD_RULES = (
    "coalition", "resource_kind", "capture_radius_m", "obstacle_clearance_m", "decision_interval_s", "substep_s",
)  # fmt: skip
"""Settings of the world in which episodes of one batch may differ: the state holds them per world."""


class _Part(Section):
    """A part of a mixture: its episodes differ in what is given here. What is left out holds as outside of the part."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
    """Tells the part from others: lower-case letters, digits, '-', '_'."""
    weight: Annotated[float, Field(ge=1e-3, le=1e3)]
    """The part's share of the episodes is this over the sum of all weights."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        check_drawn(self)
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_left_out(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}


def _optional(section: type[Section], name: str) -> tuple[Any, Any]:
    """A section's field as one that may be left out, with the same values and the same help."""
    field: FieldInfo = section.model_fields[name]
    kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    return kind | None, Field(default=None, description=field.description)


if TYPE_CHECKING:
    AllocatePart = _Part
else:
    AllocatePart = create_model(
        "AllocatePart",
        __base__=_Part,
        __module__=__name__,
        __doc__=_Part.__doc__,
        **{name: _optional(AllocateEpisodes, name) for name in AllocateEpisodes.model_fields},
        **{name: _optional(AllocateWorldConfig, name) for name in WORLD_RULES},
    )


class AllocateGeneratorConfig(AllocateEpisodes):
    """From what the generator draws an episode. Each range is [low, high], both ends included."""

    prefer_crowding: Weights
    """In training, weights of an episode by which reward.congestion and reward.waste are multiplied, log-uniform.
    The network sees them, so that whoever plays it can choose: `evaluate --prefer crowding=0.5`."""
    prefer_time: Weights
    """The same for reward.time."""
    prefer_distance: Weights
    """The same for reward.path."""
    mixture: Annotated[tuple[AllocatePart, ...], Field(max_length=MAX_PARTS)]
    """Parts, one of which each episode is drawn from. A part has a name, a weight, and those settings in which its
    episodes differ: of the generator, except preferences, and of the world its coalition, resource_kind,
    capture_radius_m, obstacle_clearance_m, decision_interval_s and substep_s. Empty: all episodes are drawn from the
    settings above. Sizes are padded to the largest part. With a curriculum it is empty."""
    scenarios: GivenScenarios
    """Scenarios that episodes are made from, in place of all that is drawn above, each in the form of a scenario file;
    `train --scenario FILE` puts them here. Empty: episodes are drawn."""
    vary: AllocateVary
    """What is varied around the scenarios."""

    @property
    def by_part(self) -> tuple[Self, ...]:
        """The whole settings of each part, which have no mixture; of a generator without one, the settings alone."""
        return tuple(_completed(self, part, mixture=()) for part in self.mixture) or (self,)


class EpisodePart(NamedTuple):
    """A part of a mixture with all settings of its episodes, those included that it leaves out."""

    name: str
    place: str
    """Dotted, for messages: `generator.mixture.2`; empty where there is no mixture"""
    share: float
    """The share of the episodes that are drawn from it"""
    generator: AllocateGeneratorConfig
    """Without a mixture"""
    world: AllocateWorldConfig


def parts_of(generator: AllocateGeneratorConfig, world: AllocateWorldConfig) -> tuple[EpisodePart, ...]:
    """The parts of the generator's mixture; without one, a single part that has no name and holds all episodes."""
    if not generator.mixture:
        return (EpisodePart("", "", 1.0, generator, world),)
    total = sum(part.weight for part in generator.mixture)
    return tuple(
        EpisodePart(
            name=part.name,
            place=f"generator.mixture.{number}",
            share=part.weight / total,
            generator=settings,
            world=_completed(world, part),
        )
        for number, (part, settings) in enumerate(zip(generator.mixture, generator.by_part, strict=True))
    )


def _completed(section: SectionT, part: Section, **others: Any) -> SectionT:
    """The section with what the part says of it, and with other values."""
    said = {name: value for name, value in part if value is not None and name in type(section).model_fields}
    return section.model_copy(update={**said, **others})
