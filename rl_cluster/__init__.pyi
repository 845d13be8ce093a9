from rl_cluster.api.evaluation import compare as compare
from rl_cluster.api.evaluation import evaluate as evaluate
from rl_cluster.api.heuristics import list_heuristics as list_heuristics
from rl_cluster.api.heuristics import make_heuristic as make_heuristic
from rl_cluster.api.on_board import OnBoard as OnBoard
from rl_cluster.api.policy import LoadedPolicy as LoadedPolicy
from rl_cluster.api.policy import load_policy as load_policy
from rl_cluster.api.run import Run as Run
from rl_cluster.api.scores import Scores as Scores
from rl_cluster.api.settings import load_config as load_config
from rl_cluster.api.settings import load_scenario as load_scenario
from rl_cluster.api.training import resume as resume
from rl_cluster.api.training import train as train
from rl_cluster.api.worlds import make_worlds as make_worlds
from rl_cluster.config.own_tasks import register_task as register_task
from rl_cluster.environment.shared.readings import Readings as Readings
from rl_cluster.errors import RlClusterError as RlClusterError
from rl_cluster.training.callback import Callback as Callback

__version__: str
