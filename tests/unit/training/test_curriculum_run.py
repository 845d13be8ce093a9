"""Curricula in real runs: advances, a skill that is lost and found again, and resuming across a change of stage."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.errors import ConfigError
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.events import Diverging
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.run import Record
from rl_cluster.training.start import new_start, resumed_start

pytestmark = pytest.mark.slow

PASS_SCORE = 0.1
"""Far below what even an untrained policy scores in these worlds, far above that of one that always waits."""


def _config(tiny: Config, **curriculum: Any) -> Config:
    """Two stages of one or two UAVs, a round after every iteration."""
    alone = {"num_obstacles": (0, 0), "pass_score": PASS_SCORE}
    stages = [
        {**alone, "num_uavs": (2, 2), "num_targets": (2, 2), "mix": (1.0, 0.0)},
        {**alone, "num_uavs": (3, 3), "num_targets": (3, 3), "mix": (0.7, 0.3)},
    ]
    rules = {
        "pace": "aggressive", "metric": "satisfied_rate", "num_passes": 2, "grace": 1, "patience": 100,
        "fallback_share": 0.6, "num_failures": 3, "max_fallbacks": 2, "lr_decay": 0.5, "floor_share": None,
        "stages": stages,
    }  # fmt: skip
    data = tiny.model_dump()
    data["curriculum"] = {**rules, **curriculum}
    data["training"] |= {"iterations": 14, "evaluate_every": 1, "evaluation_episodes": 8, "checkpoint_every": 1}
    data["ppo"] |= {"lr": (1e-4, 1e-4)}
    return type(tiny).model_validate(data)


def _always_wait(engine: LocalEngine) -> None:
    """As if the policy had forgotten everything: WAIT has all probability, whatever is seen."""
    head = engine.model().pointer_head
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.zero_()
        head.score.weight.fill_(10.0)
        head.wait_key_D.fill_(10.0)


def _break(engine: LocalEngine) -> None:
    with torch.no_grad():
        next(engine.model().parameters()).fill_(math.nan)


class _Watch:
    """A report that hurts the policy after an iteration, and keeps what it sees."""

    def __init__(self, engine: LocalEngine, hurt: Callable[[LocalEngine], None], hurt_after: int) -> None:
        self._engine, self._hurt, self._hurt_after = engine, hurt, hurt_after
        self.events: list[str] = []
        self.weights: list[dict[str, Tensor]] = []
        """At each event, after what it has changed."""
        self.lrs: list[float] = []

    def __call__(self, record: Record) -> None:
        for event in record.events:
            if isinstance(event, Diverging):
                continue
            self.events.append(event.words)
            self.weights.append(self._engine.state().weights)
        self.lrs.append(float(self._engine._parts.updater.optimizer.param_groups[0]["lr"]))
        if record.done == self._hurt_after:
            self._hurt(self._engine)


@pytest.mark.parametrize(("hurt", "why"), [(_always_wait, "score 0.00 < "), (_break, "numbers that are not finite")])
def test_skill_that_is_lost__leads_to_one_fallback_and_then_to_the_end(
    tiny: Config, tmp_path: Path, hurt: Callable[[LocalEngine], None], why: str
) -> None:
    config = _config(tiny)
    engine = LocalEngine(config)
    watch = _Watch(engine, hurt, hurt_after=3)  # after one round of grace in stage 2

    train(engine, new_start(config, tmp_path / "run"), watch)

    first, fallback, second, done = watch.events
    assert first.startswith("advance: stage 1 -> 2, score ")
    assert first.endswith(f" >= {PASS_SCORE:.2f}")
    assert fallback.startswith(f"fallback: stage 2 -> 1, {why}")
    assert fallback.endswith(", lr 1e-4 -> 5e-5")
    assert second.startswith("advance: stage 1 -> 2")
    assert done.startswith("done: stage 2, score ")
    before, after = watch.weights[:2]
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    # what the optimizer works with: the iteration after the fallback has half the rate, to the end of the run
    assert watch.lrs.count(1e-4) + watch.lrs.count(5e-5) == 14
    assert watch.lrs == sorted(watch.lrs, reverse=True)
    assert watch.lrs[-1] == 5e-5


def test_lines_of_metrics__say_where_the_run_stands(tiny: Config, tmp_path: Path) -> None:
    config = _config(tiny)

    train(LocalEngine(config), new_start(config, tmp_path / "run"), lambda record: None)

    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["curriculum/stage"] for line in lines] == [1.0] * 2 + [2.0] * 12
    assert [line["curriculum/mode"] for line in lines] == [0.0] * 4 + [2.0] * 10
    assert [number for number, line in enumerate(lines, start=1) if "events" in line] == [2, 5]
    assert "curriculum/score_stage_2" not in lines[1]
    last = lines[-1]
    assert last["curriculum/score"] == last["curriculum/score_stage_2"]
    # the scores by which stage 1 was passed were those of iterations 1 and 2
    reference = (lines[0]["curriculum/score"] + lines[1]["curriculum/score"]) / 2
    assert last["curriculum/kept_share"] == pytest.approx(last["curriculum/score_stage_1"] / reference)


@pytest.mark.parametrize("stop_after", [1, 2, 3, 5, 7])
def test_resumed__equals_uninterrupted_across_changes_of_stage(tiny: Config, tmp_path: Path, stop_after: int) -> None:
    config = _config(tiny)
    whole = train(LocalEngine(config), new_start(config, tmp_path / "whole"), lambda record: None)
    done: list[int] = []
    train(
        LocalEngine(config),
        new_start(config, tmp_path / "cut"),
        lambda record: done.append(record.done),
        is_stopped=lambda: len(done) == stop_after,
    )

    start = resumed_start(tmp_path / "cut")
    train(LocalEngine(config), start, lambda record: None)

    expected, resumed = Checkpoint.load(whole), Checkpoint.load(find_checkpoint(tmp_path / "cut").folder)
    for name in ("weights", "optimizer", "snapshots"):
        left, right = getattr(expected, name), getattr(resumed, name)
        assert left.keys() == right.keys()
        assert all(torch.equal(tensor, right[key]) for key, tensor in left.items())
    assert all((array == resumed.arrays[name]).all() for name, array in expected.arrays.items())
    assert expected.state["controllers"] == resumed.state["controllers"]
    assert len(expected.snapshots) > 0


def test_run_that_is_held__stays_where_it_is(tiny: Config, tmp_path: Path) -> None:
    config = _config(tiny, max_fallbacks=0)
    engine = LocalEngine(config)
    watch = _Watch(engine, _always_wait, hurt_after=3)

    train(engine, new_start(config, tmp_path / "run"), watch)

    assert [event.split(":")[0] for event in watch.events] == ["advance", "held"]
    assert watch.events[1].endswith("no way back is left")


def test_plateau__lowers_the_learning_rate_or_raises_the_entropy_weight(tiny: Config, tmp_path: Path) -> None:
    for what in ("lr", "entropy", "none"):
        config = _config(tiny, patience=2, num_passes=100)
        config = config.model_copy(
            update={"controllers": config.controllers.model_copy(update={"plateau": what, "plateau_factor": 0.5})}
        )
        engine = LocalEngine(config)
        watch = _Watch(engine, lambda _: None, hurt_after=0)

        train(engine, new_start(config, tmp_path / what), watch)

        assert watch.events
        assert all(event.startswith("plateau: stage 1, best score") for event in watch.events)
        assert (min(watch.lrs) < 1e-4) == (what == "lr")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("generator.num_uavs=[2, 19]", r"stage 4: num_uavs=\[15, 20\] is not within generator.num_uavs=\[2, 19\]"),
        ("training.evaluate_every=0", r"a curriculum moves by evaluations; set training.evaluate_every to 1 or more$"),
        ("curriculum.fallback_share=1.1", r"got 1.1; give a finite number at least 0 and at most 1$"),
        ("curriculum.metric=efficiency", r"give one of normalized_completion_score, success_rate, satisfied_rate"),
        ("curriculum.patiense=3", r"unknown key; did you mean curriculum.patience\?$"),
        ("curriculum.stages=[]", r"give a list of 1 to 16"),
    ],
)
def test_curriculum_that_cannot_be__is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config("curriculum_demo", [override])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mix: [0.7, 0.3]", "mix: [0.7, 0.4]", r"mix=\[0.7, 0.4\] adds up to 1.1; write two shares of 1, as"),
        ("mix: [1.0, 0.0]", "mix: [0.5, 0.5]", r"the first stage has none before it to mix with; write mix:"),
        ("mix: [0.7, 0.3]", "mix: [0.0, 1.0]", r"mix gives this stage no share"),
        ("pass_score: 0.70", "pass_score: 7", r"stages.1.pass_score: got 7; give a finite number at least 0.001"),
        ("num_uavs: [4, 6]", "num_uavs: [6, 4]", r"stage 2: num_uavs=\[6, 4\] has its low end above"),
    ],
)  # fmt: skip
def test_stage_that_cannot_be__is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    text = Path("rl_cluster/config/presets/curriculum_demo.yaml").read_text()
    assert old in text
    (tmp_path / "run.yaml").write_text(text.replace(old, new, 1))

    with pytest.raises(ConfigError, match=message):
        load_config(str(tmp_path / "run.yaml"))


def test_pace__gives_what_is_left_out(tmp_path: Path) -> None:
    text = Path("rl_cluster/config/presets/curriculum_demo.yaml").read_text()
    for line in ("  num_passes: 3\n", "  patience: 5\n", "pass_score: 0.70, "):
        assert line in text
        text = text.replace(line, "", 1)
    (tmp_path / "run.yaml").write_text(text)

    for pace, expected in (("conservative", (5, 10, 0.8)), ("aggressive", (3, 5, 0.7))):
        curriculum = load_config(str(tmp_path / "run.yaml"), [f"curriculum.pace={pace}"]).curriculum
        assert (curriculum.num_passes, curriculum.patience, curriculum.stages[1].pass_score) == expected
        assert curriculum.stages[0].pass_score == expected[2]
