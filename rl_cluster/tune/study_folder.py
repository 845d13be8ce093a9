"""The folder of a study and the settings in it: what is refused before anything is written, or read.

Tune keeps its own state in pickles in STUDY/search. They are read on resuming only, and only if the folder belongs to
this user and nobody else may write to it, as ssh does with its keys.
"""

import difflib
import os
import stat
from pathlib import Path

from rl_cluster.config.load import load_config, to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import metrics
from rl_cluster.errors import CheckpointError, ConfigError, typed
from rl_cluster.metrics.names import HEADLINES, STAGE_SCORE, evaluation_key
from rl_cluster.training.start import check_same
from rl_cluster.tune.search_space import check_space, study_of

__all__ = ["begin_study", "check_study", "find_study"]

SETTINGS = "study.yaml"


def check_study(config: Config) -> None:
    """Raises ConfigError if the settings have no study, or one that cannot be."""
    where = f"{config.name}: study"
    study, training = study_of(config), config.training
    known = [evaluation_key(name) for name in metrics(config)] + ([STAGE_SCORE] if config.curriculum else [])
    if study.metric not in known:
        near = [evaluation_key(HEADLINES[config.task][0]), *difflib.get_close_matches(study.metric, known, n=3)]
        remedy = f"did you mean {' or '.join(dict.fromkeys(near))}?"
        raise ConfigError(f"{where}.metric", f"{study.metric} is no metric of it", remedy)
    if not training.evaluate_every or training.iterations % training.evaluate_every:
        what = f"training.evaluate_every={training.evaluate_every} does not divide the {training.iterations} iterations"
        raise ConfigError(where, what, "trials are scored at their end: choose one that divides")
    rounds = training.iterations // training.evaluate_every
    if study.grace_rounds > rounds:
        what = f"grace_rounds={study.grace_rounds} is more than the {rounds} rounds of a trial"
        raise ConfigError(where, what, f"set it to {rounds} or less, or evaluate more often")
    if study.scheduler == "stages" and not config.curriculum:
        raise ConfigError(f"{where}.scheduler", "stages needs a curriculum", "add one, or set scheduler: asha")
    check_space(config)


def begin_study(config: Config, folder: Path) -> None:
    """Makes the folder of a new study. Raises ConfigError or CheckpointError if it cannot be, or is there already."""
    check_study(config)
    if os.path.lexists(folder):
        remedy = f"go on with {typed('--resume', folder)}, or choose another --out"
        raise CheckpointError(str(folder), "exists already", remedy)
    try:
        folder.mkdir(parents=True, mode=0o700)
        (folder / SETTINGS).write_text(to_yaml(config), encoding="utf-8")
    except OSError as error:
        raise CheckpointError(str(folder), f"cannot be made: {error.strerror}", "choose another --out") from error


def find_study(folder: Path, given: Config | None) -> Config:
    """The settings of a study that is to go on.

    Raises:
        CheckpointError: The folder holds no study, or others may write to it.
        ConfigError: `given` settings are not those of the study.
    """
    if not (folder / SETTINGS).is_file():
        raise CheckpointError(str(folder), f"is no study: it has no {SETTINGS}", "name the folder given to --out")
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        what = "may be written by others, and resuming reads Tune's pickles in it"
        raise CheckpointError(str(folder), what, f"make sure of what is in it, then {typed('chmod', 'go-w', folder)}")
    config = load_config(str(folder / SETTINGS))
    check_same(given, config, folder)
    return config
