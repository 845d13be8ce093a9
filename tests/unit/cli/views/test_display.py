"""What a person sees of a run: every number comes from the metrics, what is missing is a dash."""

import io

from rich.console import Console

from rl_cluster.cli.views.display import Display
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import task_of
from rl_cluster.metrics.names import (
    AGENT_STEPS_PER_S,
    AGENT_STEPS_TOTAL,
    ELAPSED_S,
    ETA_S,
    episode_key,
    evaluation_key,
    phase_key,
)
from rl_cluster.training.run import Record


def _shown(config: Config, *, is_terminal: bool) -> str:
    text, metric = io.StringIO(), task_of(config).headline.name
    with Display(Console(file=text, width=120, force_terminal=is_terminal), config) as display:
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
        second = {ELAPSED_S: 14.0, ETA_S: 70.0, **steps, episode_key(metric): 0.5, **shares}
        display.show(Record(2, second, []))
    return text.getvalue()


def test_display__writes_a_plain_line_an_iteration_where_there_is_no_terminal(tiny: Config) -> None:
    config = tiny.model_copy(
        update={"training": tiny.training.model_copy(update={"iterations": 12, "time_limit_s": 1e4})}
    )

    first, second = _shown(config, is_terminal=False).splitlines()

    assert first.startswith("iteration 1/12  elapsed 0:10  left 1:50  ")
    assert "agent-steps 2.00M  per s 1234  NCS sampled -  NCS evaluated 0.250  entropy -" in first
    assert second.startswith("iteration 2/12  elapsed 0:14  left 1:10  ")
    assert "NCS sampled 0.500  NCS evaluated 0.250" in second  # the last evaluation stays on show
    assert first.endswith("time -")
    assert second.endswith("time update 70%, env 25%")


def test_display__updates_one_table_on_a_terminal(tiny: Config) -> None:
    shown = _shown(tiny, is_terminal=True)

    assert "rl-cluster train" in shown
    assert "NCS evaluated" in shown
    assert "0.250" in shown


def test_display__shows_the_headline_of_the_task() -> None:
    shown = _shown(load_config("navigate_demo"), is_terminal=False)

    assert "success sampled -  success evaluated 0.250" in shown
    assert "NCS" not in shown


def test_display__shows_nothing_that_the_old_stack_never_measures() -> None:
    shown = _shown(load_config("debug", ["api_stack=old"]), is_terminal=False)

    assert "KL" not in shown
    assert "time" not in shown
    assert "entropy" in shown
