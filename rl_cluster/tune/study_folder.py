"""The folder of a study and the settings in it, checked before anything is written or read.

STUDY/{study.yaml, trials.jsonl, trials/}: the settings, what has happened (`journal.py`), and the checkpoints of trials
(`trial_store.py`). A study resumes from these alone; what Tune writes beside them, including pickles, is never read.
"""

import difflib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from rl_cluster.config.capabilities import Need, unmet_need
from rl_cluster.config.load import load_config, to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.config.study import StudyConfig
from rl_cluster.environment.tasks import task_of
from rl_cluster.errors import CheckpointError, ConfigError, typed
from rl_cluster.metrics.names import STAGE_SCORE, evaluation_key
from rl_cluster.training.checkpoints.content import Content
from rl_cluster.training.files.new_folder import make_folder
from rl_cluster.training.start import check_same
from rl_cluster.tune.journal import JOURNAL, format_header, num_rounds, read_entries
from rl_cluster.tune.search_space import apply_sample, check_space, study_of
from rl_cluster.tune.trial_settings import trial_config, without_effect
from rl_cluster.tune.trial_store import TRIALS

__all__ = ["SETTINGS", "begin_study", "check_new", "check_study", "find_study"]

SETTINGS = "study.yaml"


def check_study(config: Config) -> None:
    """Raises ConfigError if the settings have no study, or an impossible one."""
    where = f"{config.name}: study"
    study, training = study_of(config), config.training
    task = task_of(config)
    known = [evaluation_key(metric.name) for metric in task.metrics] + ([STAGE_SCORE] if config.curriculum else [])
    if study.metric not in known:
        near = [evaluation_key(task.headline.name), *difflib.get_close_matches(study.metric, known, n=3)]
        remedy = f"did you mean {' or '.join(dict.fromkeys(near))}?"
        raise ConfigError(f"{where}.metric", f"{study.metric} is no metric of it", remedy)
    if not training.evaluate_every or training.iterations % training.evaluate_every:
        what = f"training.evaluate_every={training.evaluate_every} does not divide the {training.iterations} iterations"
        raise ConfigError(where, what, "trials are scored at their end: choose one that divides")
    rounds = num_rounds(config)
    if study.grace_rounds > rounds:
        what = f"grace_rounds={study.grace_rounds} is more than the {rounds} rounds of a trial"
        raise ConfigError(where, what, f"set it to {rounds} or less, or evaluate more often")
    if study.scheduler == "stages" and not config.curriculum:
        raise ConfigError(f"{where}.scheduler", "stages needs a curriculum", "add one, or set scheduler: asha")
    _check_dimensions(config, study)


def _check_dimensions(config: Config, study: StudyConfig) -> None:
    """Raises ConfigError if a dimension of the space cannot be searched, or would have no effect."""
    check_space(config)
    trial = trial_config(to_yaml(config), {}, study.first_seed)
    for dimension in study.space:
        where = f"study.space: {dimension.key}"
        if why := without_effect(dimension.key, study):
            raise ConfigError(where, f"has no effect in a study: {why}", "search another setting")
        if need := _unmet_need(dimension.key, trial, study):
            raise ConfigError(where, f"has no effect with {need.otherwise(trial)}", "search another setting")
    if study.is_population or study.exploit:
        _check_copied(config)


def _unmet_need(key: str, trial: Config, study: StudyConfig) -> Need | None:
    """Why a setting has no effect in trials, whatever else is searched; None = it has one."""
    need = unmet_need(key, trial)
    if need and any(not unmet_need(key, apply_sample(trial, {one.key: one.high})) for one in study.space):
        return None
    return need


def _check_copied(config: Config) -> None:
    """Raises ConfigError if the worlds of one trial would not fit another that is to resume from its checkpoint."""
    for dimension in study_of(config).space:
        ends = [apply_sample(config, {dimension.key: end}) for end in (dimension.low, dimension.high)]
        low, high = (Content(end).arrays for end in ends)
        if low != high:
            what = "cannot change where checkpoints are copied: worlds of another size do not fit"
            raise ConfigError(f"study.space: {dimension.key}", what, "remove it from space")


def check_new(config: Config, folder: Path, *, is_numbered: bool = False) -> None:
    """Raises ConfigError or CheckpointError if the study cannot be made there; makes nothing yet."""
    check_study(config)
    if not is_numbered and os.path.lexists(folder):
        go_on = f"go on with {typed('--resume', folder)}, or " if (folder / JOURNAL).is_file() else ""
        raise CheckpointError(str(folder), "exists already", f"{go_on}choose another --out")


def begin_study(config: Config, folder: Path, *, is_numbered: bool = False) -> Path:
    """Makes the folder of a new study, complete or not at all; returns its absolute path.

    Args:
        config: Settings of the study.
        folder: Its place.
        is_numbered: If something of that name exists, take folder-2, folder-3 and so on.

    Raises ConfigError or CheckpointError if it cannot be made, or exists already.
    """
    folder = folder.expanduser().absolute()
    check_new(config, folder, is_numbered=is_numbered)

    def fill(beside: Path) -> None:
        (beside / SETTINGS).write_text(to_yaml(config), encoding="utf-8")
        (beside / JOURNAL).write_bytes(format_header())
        (beside / TRIALS).mkdir()

    return make_folder(folder, fill, is_numbered=is_numbered, mode=0o700)[0]


def find_study(folder: Path, given: Config | None) -> Config:
    """The settings of a study that is to be resumed.

    Raises:
        CheckpointError: The folder holds no study, a damaged one, or one that another user could have put there.
        ConfigError: `given` settings are not those of the study.
    """
    folder = folder.expanduser().absolute()
    for name in (SETTINGS, JOURNAL):
        if not os.path.lexists(folder / name):
            older = " that can go on: it was begun by an older version" if (folder / SETTINGS).is_file() else ""
            what = f"is no study{older}: it has no {name}"
            raise CheckpointError(str(folder), what, "name the folder given to --out, or begin anew")
    _check_owner(folder)
    for path in _parts(folder):
        _check_part(path, folder)
    config = load_config(str(folder / SETTINGS))
    check_study(config)
    check_same(given, config, folder)
    read_entries(folder / JOURNAL, config)
    return config


def _check_owner(folder: Path) -> None:
    status = folder.stat()
    if status.st_uid != os.getuid():
        what = "belongs to another user"
        raise CheckpointError(str(folder), what, "copy it, and go on with the copy")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        remedy = f"make sure of what is in it, then {typed('chmod', 'go-w', folder)}"
        raise CheckpointError(str(folder), "may be written by others", remedy)


def _parts(folder: Path) -> Iterator[Path]:
    """All files that a resumed study reads or writes, without those of Tune, which it never reads."""
    yield folder / SETTINGS
    yield folder / JOURNAL
    if os.path.lexists(folder / TRIALS):
        yield folder / TRIALS
        for parent, folders, files in os.walk(folder / TRIALS):
            yield from (Path(parent, name) for name in (*folders, *files))


def _check_part(path: Path, folder: Path) -> None:
    """Refuses files of other users, and links: files written there would end up elsewhere."""
    status = path.lstat()
    remedy = f"put the study's own file in its place, or begin anew instead of going on in {folder}"
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise CheckpointError(str(path), "is neither a plain file nor a folder", remedy)
    if status.st_uid != os.getuid():
        raise CheckpointError(str(path), "belongs to another user", remedy)
