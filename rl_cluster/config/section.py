"""What all sections of the settings share: strictness, and the bounds of common quantities."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Count",
    "FloatRange",
    "NonNegative",
    "Positive",
    "Rounds",
    "Rows",
    "Score",
    "Section",
    "Share",
    "Tally",
    "check_range",
]

# The bounds keep products and quotients of settings within float32, which the worlds compute in.
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(ge=1e-3, le=1e7)]
NonNegative = Annotated[float, Field(ge=0.0, le=1e7)]
Tally = Annotated[int, Field(ge=0, le=2**53)]
Score = Annotated[float, Field(ge=-1.0, le=1.001)]
Count = Annotated[int, Field(ge=1, le=4096)]
Rows = Annotated[int, Field(ge=1, le=2**30)]
# Names of checkpoints have room for 12 digits; no run reaches the billionth iteration.
Rounds = Annotated[int, Field(ge=1, le=10**9)]
FloatRange = tuple[Positive, Positive]


class Section(BaseModel):
    """Base of every section: frozen, no unknown keys, no NaN or infinity, docstrings below fields in the schema."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True, strict=False
    )


def check_range(name: str, low_high: tuple[float, float]) -> None:
    """Raises ValueError if a range has its ends the wrong way round."""
    low, high = low_high
    if low > high:
        raise ValueError(f"{name}=[{low}, {high}] has its low end above its high end; write [low, high]")
