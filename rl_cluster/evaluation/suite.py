"""What a suite is: episodes that test one thing, fixed by a name and a version, so that scores compare everywhere.

Each suite is a file in `suites/`. A change of its episodes is a new version: scores of unlike versions do not compare.
`suite_episodes.py` makes the episodes that no generator draws; `suite_scoring.py` plays them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from rl_cluster.config.faults import first_fault
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.config.section import Section
from rl_cluster.config.yaml_file import read_yaml
from rl_cluster.errors import ConfigError

__all__ = ["EVERY_SUITE", "SUITES", "Suite", "find_suites", "load_suite"]

SUITES: dict[str, Path] = {path.stem: path for path in sorted((Path(__file__).parent / "suites").glob("*.yaml"))}
"""Name -> file of the suites that come with the package."""
EVERY_SUITE = "all"
"""The word that stands for every suite."""


class Suite(Section):
    """A suite, as its file says it."""

    name: Annotated[str, Field(min_length=1, max_length=20)]
    """The file is named after it."""
    version: Annotated[int, Field(ge=1, le=10_000)]
    """Raised when the episodes, or what is scored, change."""
    what: Annotated[str, Field(min_length=1, max_length=80)]
    """What it tests, in one line."""
    preset: str
    """The preset whose settings it changes."""
    settings: tuple[str, ...]
    """`key=value` for each changed setting of the preset."""
    episodes: Literal["generated", "by_hand", "equal_uavs", "equal_coalitions"]
    """generated: drawn by the settings. Otherwise given; see `suite_episodes.py`."""
    num_episodes: Annotated[int, Field(ge=1, le=10_000)]
    """Episodes that are played unless the user says otherwise."""
    objective: str
    """The metric by which policies are ranked: higher is better."""
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    """Keys the episodes and every draw."""

    @property
    def title(self) -> str:
        """Name and version: scores compare where these are equal."""
        return f"{self.name} v{self.version}"

    def config(self) -> Config:
        """The settings whose generator and world apply. Raises ConfigError if the file's settings are not valid."""
        return load_config(self.preset, self.settings)


def load_suite(path: Path) -> Suite:
    """The suite in a file. Raises ConfigError if it is none."""
    try:
        return Suite.model_validate(read_yaml(path))
    except ValidationError as error:
        place, what, remedy = first_fault(error, Suite)
        raise ConfigError(f"{path.name}: {place}", what, remedy) from None


def find_suites(names: Sequence[str]) -> list[Suite]:
    """The suites of these names, each once, in the given order; `all` stands for every one.

    Raises ConfigError if a name is unknown or given twice.
    """
    for position, name in enumerate(names):
        if name not in {EVERY_SUITE, *SUITES}:
            raise ConfigError("--suite", f"{name} is no suite", f"choose {EVERY_SUITE} or some of {', '.join(SUITES)}")
        if name in names[:position] or (name != EVERY_SUITE and EVERY_SUITE in names):
            raise ConfigError("--suite", f"{name} is named twice", "name each suite once")
    chosen = SUITES if EVERY_SUITE in names else names
    return [load_suite(SUITES[name]) for name in chosen]
