"""What a person sees of a run: every number comes from the metrics, what is missing is a dash."""

import io
import re
from collections.abc import Iterable

import pytest
from rich.console import Console

from rl_cluster.cli.views.display import Display, duration
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import task_of
from rl_cluster.metrics.names import (
    AGENT_STEPS_PER_S,
    AGENT_STEPS_TOTAL,
    ELAPSED_S,
    ETA_S,
    STAGE,
    episode_key,
    evaluation_key,
    learning_key,
    phase_key,
)
from rl_cluster.training.run import Record


def _shown(config: Config, *, is_terminal: bool, past: Iterable[dict[str, float]] = ()) -> str:
    text, metric = io.StringIO(), task_of(config).headline.name
    with Display(Console(file=text, width=80, force_terminal=is_terminal), config, past) as display:
        first = {
            ELAPSED_S: 10.0,
            ETA_S: 110.0,
            AGENT_STEPS_TOTAL: 2e6,
            AGENT_STEPS_PER_S: 1234.4,
            evaluation_key(metric): 0.25,
        }
        display.show(Record(1, first, []))
        shares = {phase_key("env"): 0.25, phase_key("update"): 0.7, phase_key("sync"): 0.04}
        steps = {AGENT_STEPS_TOTAL: 4e6, AGENT_STEPS_PER_S: 5.0}
        losses = {learning_key("policy_loss"): -0.5, learning_key("value_loss"): 1.5}
        scores = {episode_key(metric): 0.5, episode_key("per_agent_reward"): -12.344, evaluation_key(metric): 0.125}
        display.show(Record(2, {ELAPSED_S: 14.0, ETA_S: 7000.0, **steps, **losses, **scores, **shares}, []))
    return text.getvalue()


def _changed(config: Config, **changes: object) -> Config:
    return config.model_copy(update={"training": config.training.model_copy(update=changes)})


@pytest.fixture
def evaluated(tiny: Config) -> Config:
    """A run that is evaluated again and again; a unit of the value loss weighs half a unit."""
    config = _changed(tiny, iterations=12, time_limit_s=1e4, evaluate_every=1)
    return config.model_copy(update={"ppo": config.ppo.model_copy(update={"value_weight": 0.5})})


def test_display__writes_a_plain_line_an_iteration_where_there_is_no_terminal(evaluated: Config) -> None:
    first, second = _shown(evaluated, is_terminal=False).splitlines()

    assert first == "iteration 1/12  left 1:50  NCS -  best 0.250  reward -  loss -"
    # the best evaluation stays; the loss is -0.5 + 0.5 * 1.5
    assert second == "iteration 2/12  left 1:56:40  NCS 0.500  best 0.250  reward -12.34  loss 0.25"


def test_display__fits_a_plain_line_to_80_characters(evaluated: Config) -> None:
    long = _changed(evaluated, iterations=1_000_000, time_limit_s=1e6, evaluate_every=1)

    second = _shown(long, is_terminal=False).splitlines()[1]

    assert second == "iteration 2/1000000 left 1:56:40 NCS 0.500 best 0.250 reward -12.34 loss 0.25"


def test_display__leaves_out_the_last_figures_where_a_line_is_too_long() -> None:
    config = _changed(load_config("navigate_curriculum"), iterations=1_000_000)

    second = _shown(config, is_terminal=False).splitlines()[1]

    assert second == "iteration 2/1000000 left 1:56:40 success 0.500 stage - best 0.250 reward -12.34"


def test_display__updates_one_table_on_a_terminal(evaluated: Config) -> None:
    shown = _shown(evaluated, is_terminal=True)

    assert "rl-cluster train" in shown
    assert "kernels are not compiled yet" in shown
    for words in (
        "NCS evaluated",
        "0.125",
        "NCS best so far",
        "0.250",
        "reward",
        "-12.34",
        "loss",
        "update 70%, env 25%",
    ):
        assert words in shown
    assert max(len(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line)) for line in shown.splitlines()) <= 80


def test_display__of_a_resumed_run_remembers_the_best_of_its_past(evaluated: Config) -> None:
    key = evaluation_key("normalized_completion_score")

    first, second = _shown(evaluated, is_terminal=False, past=[{key: 0.75}, {key: 0.5}]).splitlines()

    assert "best 0.750" in first
    assert "best 0.750" in second


def test_display__begins_anew_with_the_best_where_the_stage_changes(evaluated: Config) -> None:
    key = evaluation_key("normalized_completion_score")

    first, _ = _shown(evaluated, is_terminal=False, past=[{key: 0.75, STAGE: 1.0}]).splitlines()

    assert "best 0.250" in first


def test_display__takes_the_best_of_training_episodes_where_nothing_is_evaluated(tiny: Config) -> None:
    first, second = _shown(_changed(tiny, evaluate_every=0), is_terminal=False).splitlines()

    assert "best -" in first
    assert "NCS 0.500  best 0.500" in second


def test_display__shows_the_headline_of_the_task() -> None:
    shown = _shown(load_config("navigate_demo"), is_terminal=False)

    assert "success -  best 0.250" in shown
    assert "NCS" not in shown


def test_display__shows_nothing_that_the_old_stack_never_measures() -> None:
    shown = _shown(load_config("debug", ["api_stack=old"]), is_terminal=True)

    assert "KL" not in shown
    assert "time" not in shown
    assert "entropy" in shown


def test_duration__has_hours_from_an_hour_on() -> None:
    assert [duration(seconds) for seconds in (5.0, 725.4, 3600.0, 90061.0)] == ["0:05", "12:05", "1:00:00", "25:01:01"]
