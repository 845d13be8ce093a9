"""A policy that flies: readings in, decisions out, with memory between calls.

The memory is a copy of the world that follows the flight: it applies the decisions, predicts an interval ahead, and is
set right by what the UAVs report. It knows which UAV is under way to which target, and when the scenario began.
"""

from rl_cluster.api.decisions import Decisions, named_actions
from rl_cluster.config.schema import Config
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.interface import Policy
from rl_cluster.environment.shared.readings import Readings
from rl_cluster.environment.tasks import make_scenario_source, make_worlds, task_of
from rl_cluster.errors import ConfigError
from rl_cluster.sampling.episodes import Seeing

__all__ = ["OnBoard"]

NOTHING = Readings()


class OnBoard:
    """A policy in a scenario that is flown for real, or by somebody else's simulator.

    Args:
        policy: Any policy of the scenario's task: a network or a heuristic.
        config: The settings of the world.
        scenario: Where the flight begins.

    Raises:
        ConfigError: The task takes no readings.
        ScenarioError: The scenario does not fit the task or the world.
    """

    def __init__(self, policy: Policy, config: Config, scenario: Scenario) -> None:
        take_readings = task_of(config).take_readings
        if take_readings is None:
            raise ConfigError("on_board", f"task {config.task} takes no readings", "decide by `policy.act(worlds)`")
        self._policy, self._scenario, self._take = policy, scenario, take_readings
        config = policy.seen_in(config) if isinstance(policy, Seeing) else config
        self._worlds = make_worlds(config, make_scenario_source(config, [scenario], config.seed), 1)
        self._worlds.reset()

    def decide(self, readings: Readings = NOTHING) -> Decisions:
        """What each UAV does until the next call, which comes after one decision interval of the world.

        Raises CallError if the readings do not fit the scenario.
        """
        arrays = self._worlds.state_dict()
        self._take(arrays, readings)
        observation = self._worlds.load_state_dict(arrays)
        actions = self._policy.act(self._worlds, observation)
        decisions = named_actions(self._worlds, self._scenario, actions)
        self._worlds.advance(actions)  # the prediction, which the next readings set right
        return decisions
