"""Mutated files of a study that is to go on: its settings, its journal, and the checkpoints of its trials."""

import io
import json
import math
import shutil
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from rich.console import Console

from rl_cluster.config.load import load_config, to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.training.checkpoints.store import iteration_of
from rl_cluster.tune.entry import Entry
from rl_cluster.tune.journal import JOURNAL, Journal, format_header
from rl_cluster.tune.report import failures, save_json, save_plot, study_tables, test_table
from rl_cluster.tune.result import StudyResult
from rl_cluster.tune.search_space import sampled, study_of
from rl_cluster.tune.standing import take_up
from rl_cluster.tune.study import run_study
from rl_cluster.tune.study_folder import SETTINGS, find_study
from rl_cluster.tune.trial import StudyTrial
from rl_cluster.tune.trial_settings import trial_config
from rl_cluster.tune.trial_store import TRIALS
from tests.hostile.fuzz.checkpoint_changes import reseal_changed
from tests.hostile.fuzz.mutations import mutated_bytes, mutated_data, mutated_text
from tests.hostile.fuzz.runner import FEW, MANY, Case, assert_no_faults

STUDY = [
    "generator.num_uavs=[2, 3]", "generator.num_targets=[2, 3]", "model.width=8", "model.num_heads=2",
    "sampling.worlds_per_runner=2", "sampling.fragment_steps=4", "ppo.minibatch_rows=4", "ppo.num_epochs=1",
    "training.iterations=4",
    "training.evaluate_every=1", "training.evaluation_episodes=2", "study.num_trials=6", "study.num_seeds=2",
    "study.num_test_seeds=2", "study.grace_rounds=1",
]  # fmt: skip
STAGES = (
    "curriculum={pace: aggressive, metric: normalized_completion_score, grace: 0, fallback_share: 0.5, "
    "floor_share: null, num_passes: 1, num_failures: 1, max_fallbacks: 3, lr_decay: 0.5, stages: ["
    "{num_uavs: [2, 2], num_targets: [2, 2], num_obstacles: [0, 0], mix: [1.0, 0.0], pass_score: 0.001}, "
    "{num_uavs: [2, 3], num_targets: [2, 3], num_obstacles: [0, 2], mix: [0.7, 0.3], pass_score: 0.5}]}"
)
KINDS = {
    "random": ["study.search=random", "study.scheduler=asha"],
    "tpe": ["study.search=tpe", "study.scheduler=stages", STAGES],
    "gp": ["study.search=gp", "study.scheduler=none"],
    "exploit": ["study.search=random", "study.scheduler=stages", "study.exploit=true", STAGES],
    "pbt": ["study.search=pbt", "study.scheduler=none"],
    "pb2": ["study.search=pb2", "study.scheduler=none"],
}
OTHERS = {
    "worlds": ["sampling.worlds_per_runner=3"],
    "uavs": ["generator.num_uavs=[2, 4]"],
    "long": ["training.iterations=8", "training.evaluate_every=2"],
    "curriculum": [STAGES],
}
"""Settings of runs whose checkpoints are laid into the study: sound ones, of something else."""


def _config(overrides: list[str]) -> Config:
    return load_config("tune_demo", [*STUDY, *overrides])


def _entries(config: Config, random: Random) -> list[Entry]:
    """What a study notes of trials that end after all rounds, after some, that fail or still train, and of tests."""
    study = study_of(config)
    ends = [("ended", 4), ("ended", 4), ("ended", 1), ("failed", 2), ("trains", 2)]
    trials = [(f"{number:05d}", study.seeds, *end) for number, end in enumerate(ends)]
    tests = [(name, study.test_seeds, "ended", 4) for name in ("test-given", "test-00000")]
    return [
        entry
        for name, seeds, status, rounds in [*trials, *tests]
        for entry in _entries_of(config, name, seeds, status, rounds, random)
    ]


def _entries_of(
    config: Config, name: str, seeds: tuple[int, ...], status: str, rounds: int, random: Random
) -> list[Entry]:
    space = study_of(config).space
    sample = {} if name == "test-given" else {one.key: random.uniform(one.low, one.high) for one in space}
    common: dict[str, Any] = {"trial": name, "sample": sample, "stage": 1.0, "held": 0.0, "diverged": 0.0}
    noted = [
        Entry(
            **common, status="trains", rounds=number, stage_rounds=number,
            scores={str(seed): random.random() for seed in seeds} if number else {},
        )
        for number in range(rounds + 1)
    ]  # fmt: skip
    return [*noted, *([] if status == "trains" else [noted[-1].model_copy(update={"status": status})])]


class Written(NamedTuple):
    """A study, as its files."""

    config: Config
    entries: list[dict[str, Any]]


def _written(kind: str) -> Written:
    config = _config(KINDS[kind])
    return Written(config, [entry.model_dump(mode="json") for entry in _entries(config, Random(kind))])


STUDIES = [_written(kind) for kind in KINDS]


def _journal(random: Random, folder: Path) -> object:
    study = random.choice(STUDIES)
    entries = study.entries if random.random() < 0.5 else sorted(random.sample(study.entries, 3), key=str)
    if random.random() < 0.3:
        content = mutated_text(random, _lines(entries).decode())
    else:
        content = _lines(mutated_data(random, entries))
    return _go_on(random, folder, to_yaml(study.config).encode(), content)


def _settings(random: Random, folder: Path) -> object:
    study = random.choice(STUDIES)
    entries = study.entries[: random.choice([0, 0, 6, 100])]
    if random.random() < 0.4:
        content = mutated_text(random, to_yaml(study.config))
    else:
        data = study.config.model_dump(mode="json")
        place = random.choice([data, data["study"], data["study"], data["training"]])
        changed = mutated_data(random, place)
        content = json.dumps(_exchanged(data, place, changed)).encode(errors="surrogatepass")
    return _go_on(random, folder, content, _lines(entries))


def _exchanged(data: dict[str, Any], place: dict[str, Any], changed: Any) -> Any:
    return changed if place is data else {key: changed if value is place else value for key, value in data.items()}


def _lines(entries: Any) -> bytes:
    """A journal."""
    lines = [json.dumps(entry).encode() for entry in (entries if isinstance(entries, list) else [entries])]
    return format_header() + b"".join(line + b"\n" for line in lines)


def _go_on(random: Random, folder: Path, settings: bytes, journal: bytes) -> str:
    """All that a study does before the first trial begins and after the last one has ended."""
    study = folder / "study"
    (study / TRIALS).mkdir(parents=True, mode=0o700)
    study.chmod(0o700)
    (study / SETTINGS).write_bytes(settings)
    (study / JOURNAL).write_bytes(journal)
    config = find_study(study, None)
    with Journal(study / JOURNAL, config) as opened:
        standing = take_up(config, opened)
        for name, values in islice(standing.planned(), 3):
            trial_config(to_yaml(config), sampled(values), study_of(config).first_seed)
            standing.search.tell(int(name), random.choice([None, 0.5]))
    result = run_study(config, study, lambda entry: None, lambda: True)
    _show(result, is_drawn=random.random() < 0.02)
    find_study(study, config)
    return "whole" if result.is_whole else "goes on"


def _show(result: StudyResult, *, is_drawn: bool) -> None:
    console = Console(file=io.StringIO(), width=140)
    for table in study_tables(result):
        console.print(table)
    console.print(test_table(result))
    failures(result)
    save_json(result, result.folder / "trials.json")
    if is_drawn and result.has_winner:
        save_plot(result, result.folder / "plot.png")


@pytest.fixture(scope="module", params=[[], [STAGES]], ids=["plain", "stages"])
def trial(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> "Trained":
    """A trial after two rounds, and checkpoints of others."""
    folder = tmp_path_factory.mktemp("trial")
    trained = _trained(_config(request.param), folder / TRIALS)
    others = [folder / name for name in OTHERS]
    for other in others:
        _trained(_config(OTHERS[other.name]), other)
    return Trained(trained, folder / TRIALS, others)


class Trained(NamedTuple):
    """A trial, and folders of checkpoints."""

    trial: StudyTrial
    own: Path
    others: list[Path]


def _trained(config: Config, trials: Path) -> StudyTrial:
    trial = StudyTrial(_shared(config, trials, 0))
    shutil.rmtree(trial.logdir)
    for _ in range(2):
        trial.step()
    return trial


def _shared(config: Config, trials: Path, rounds: int) -> dict[str, Any]:
    """What a study tells its trials."""
    return {
        "run": to_yaml(config), "study": "first", "seeds": [5, 6], "trials": str(trials),
        "resumed": {"default": rounds}, "ppo.lr": 1e-3,
    }  # fmt: skip


def _checkpoints(trained: Trained) -> Case:
    """One of a trial's checkpoints is damaged, sealed anew with other content, or of another run."""

    def case(random: Random, folder: Path) -> object:
        trials = folder / TRIALS
        shutil.copytree(trained.own, trials)
        checkpoint = random.choice(sorted(trials.glob("default/*/checkpoint-*")))
        kind = random.random()
        if kind < 0.2:
            path = random.choice(sorted(checkpoint.iterdir()))
            path.write_bytes(mutated_bytes(random, path.read_bytes()))
        elif kind < 0.8:
            reseal_changed(random, checkpoint)
        else:
            found = random.choice(
                [path for other in trained.others for path in sorted(other.glob("default/*/checkpoint-*"))]
            )
            checkpoint = random.choice([checkpoint, checkpoint.with_name(found.name)])
            shutil.rmtree(checkpoint, ignore_errors=True)
            shutil.copytree(found, checkpoint)
        rounds = random.choice([1, 2, 2, 2, 3, 4])
        trained.trial.reset_config(trained.trial.config | {"trials": str(trials), "resumed": {"default": rounds}})
        if trained.trial._runs[0].run.done != iteration_of(checkpoint):
            return "passed over"
        last = trained.trial.step()
        assert math.isfinite(last["score"])
        return f"goes on from round {last['rounds'] - 1}"

    return case


FILES: dict[str, Case] = {"journal": _journal, "settings": _settings}


@pytest.mark.slow
@pytest.mark.parametrize("case", FILES.values(), ids=FILES.keys())
def test_mutated_file_of_a_study__is_refused_or_goes_on(case: Case, tmp_path: Path) -> None:
    assert_no_faults(case, tmp_path, FEW, least_share=0.02)


@pytest.mark.slow
def test_mutated_checkpoint_of_a_trial__is_passed_over_or_trains_on(trial: Trained, tmp_path: Path) -> None:
    assert_no_faults(_checkpoints(trial), tmp_path, FEW)


@pytest.mark.long
@pytest.mark.parametrize("case", FILES.values(), ids=FILES.keys())
def test_mutated_file_of_a_study__is_refused_or_goes_on_in_all_of_many_cases(case: Case, tmp_path: Path) -> None:
    assert_no_faults(case, tmp_path, MANY, least_share=0.02)


@pytest.mark.long
def test_mutated_checkpoint_of_a_trial__is_passed_over_or_trains_on_in_all_of_many_cases(
    trial: Trained, tmp_path: Path
) -> None:
    assert_no_faults(_checkpoints(trial), tmp_path, MANY)
