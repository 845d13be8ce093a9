"""Prepares `evaluate`: which policies play which episodes, checked before the first episode begins.

Episodes come from scenario files, a preset's generator, or the generator of the first checkpoint. `comparison.py` plays
and compares.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rl_cluster.config.schema import Config
from rl_cluster.config.shared_address import Place, name_of
from rl_cluster.environment.scenario.scenario_file import load_scenario
from rl_cluster.environment.shared.interface import EpisodeSource, LimitedPolicy, Policy
from rl_cluster.environment.tasks import make_scenario_source, make_source, task_of
from rl_cluster.errors import CheckpointError, ConfigError, ScenarioError
from rl_cluster.evaluation.comparison import Comparison, compare
from rl_cluster.evaluation.named import heuristic_of
from rl_cluster.evaluation.preference import parse_preference
from rl_cluster.evaluation.trace import Trace
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.sampling.acting import Tell
from rl_cluster.sampling.episodes import ModelPolicy, Progress
from rl_cluster.sampling.search.search_policy import SearchPolicy, make_searches
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint, load_model
from rl_cluster.training.files.fetched_run import fetched
from rl_cluster.training.files.output_file import check_output, output_file
from rl_cluster.training.pretrained import PRETRAINED, load_pretrained

__all__ = [
    "GENERATED_EPISODES",
    "SCENARIO_EPISODES",
    "Group",
    "Request",
    "Scoring",
    "load_policies",
    "load_policy",
    "pool",
    "prepare",
    "to_dict",
]

GENERATED_EPISODES = 200
SCENARIO_EPISODES = 20
"""Episodes of a scenario file for policies that draw their actions; others play it alike each time, and so once."""


class Group(NamedTuple):
    """Episodes that belong together, and where they come from."""

    title: str
    source: EpisodeSource
    """The source of the episodes, made for the task of the config."""
    num_episodes: int
    scenario: Path | None = None
    """The scenario file that all of them start from; None: each starts differently."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """Everything that has been checked, ready to play."""

    config: Config
    """The settings whose world and reward apply."""
    policies: Sequence[Policy]
    baselines: Sequence[Policy]
    groups: Sequence[Group]
    notes: Sequence[str]
    """What the user should know about the policies."""
    trace: Path | None

    def play(self, progress: Progress | None = None) -> Iterator[tuple[Group, Comparison]]:
        """Plays group after group; the trace gets its name when all are done."""
        with output_file(self.trace) if self.trace else nullcontext() as file:
            trace = Trace(file, task_of(self.config).recording) if file else None
            for group in self.groups:
                if trace:
                    trace.group = group.title
                yield group, self._compare(group, trace, progress)

    def _compare(self, group: Group, trace: Trace | None, progress: Progress | None) -> Comparison:
        return compare(
            self.policies,
            self.baselines,
            group.source,
            self.config,
            group.num_episodes,
            are_alike=group.scenario is not None,
            observer=trace,
            progress=progress,
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What the user wants to evaluate."""

    checkpoints: Sequence[Place]
    """Run or checkpoint folders."""
    heuristics: Sequence[str]
    """Names of heuristics as `named.py` takes them, and `pretrained` for the policy that comes with the package;
    without a heuristic: all of the task's own."""
    preset: Config | None
    """The settings whose generator and world apply, whatever the checkpoints were trained on."""
    scenarios: Sequence[Path]
    """Scenario files; empty: generated episodes."""
    preferences: Sequence[str]
    """What checkpoints are told to prefer, as `time=2,crowding=0.5`, one after the other; empty: nothing."""
    num_episodes: int | None
    """Episodes of each group; None: 200 generated ones, or 20 of each file. A policy that draws nothing plays a file
    once."""
    seed: int
    """Keys the episodes and all draws; generated episodes are from the stream that is never trained on."""
    scores: Path | None
    """The file for the scores."""
    trace: Path | None
    """The file for the trace."""
    is_view_kept: bool = False
    """True = a checkpoint sees and chooses as it was trained (`sampling/view.py`), although there is a preset."""
    search: str = ""
    """The budget of a search at decision time, as users write it; empty: no search."""
    objective: str = ""
    """Weights of the objective of the search, as users write them; empty: the task's."""


def prepare(request: Request, default_preset: Config) -> Scoring:
    """Loads and checks everything that an evaluation needs; writes nothing.

    Args:
        request: What the user wants.
        default_preset: The preset whose generator and world apply if there is neither a preset nor a checkpoint.

    Raises:
        CheckpointError, ConfigError, ScenarioError: Something is unusable, or does not fit the rest.
    """
    outputs = [path for path in (request.scores, request.trace) if path]
    for number, path in enumerate(outputs):
        check_output(path, [*request.scenarios, *outputs[:number]])
    loaded = [(place, _load(place)) for place in request.checkpoints]
    config = request.preset or (loaded[0][1].config if loaded else default_preset)
    seed = request.seed
    for place, checkpoint in loaded:
        _check_task(place, checkpoint, config)
    policies = [
        policy for place, checkpoint in loaded for policy in _model_policies(place, checkpoint, len(loaded), request)
    ]
    heuristics = [name for name in request.heuristics if name != PRETRAINED]
    baselines = [heuristic_of(name, config.task, seed) for name in (heuristics or task_of(config).heuristics)]
    groups = _groups(config, request.scenarios, request.num_episodes, seed)
    if num_named := request.heuristics.count(PRETRAINED):
        policies += _pretrained(config, groups, request) * num_named
    networks = [policy for policy in policies if isinstance(policy, ModelPolicy)]
    policies += make_searches(request.search, request.objective, config, networks, seed)
    _check_names([policy.name for policy in (*policies, *baselines)])
    for place, checkpoint in loaded:
        _check_fit(place, checkpoint, groups)
    _check_limits([*policies, *baselines], groups, config)
    notes = [_note(place, checkpoint) for place, checkpoint in loaded]
    return Scoring(config, policies, baselines, groups, notes, request.trace)


def _check_task(path: Place, checkpoint: Checkpoint, config: Config) -> None:
    if checkpoint.config.task != config.task:
        what = f"was trained on task {checkpoint.config.task}, but episodes of task {config.task} are to be played"
        raise ConfigError(str(path), what, "score policies of one task at a time; --preset says whose episodes")


def _check_names(names: Sequence[str]) -> None:
    for position, name in enumerate(names):
        if name in names[:position]:
            raise ConfigError(
                "evaluate", f"{name} is named twice", "name each policy once; run folders by unlike names"
            )


def load_policy(path: Place) -> tuple[TransformerGNN, Config]:
    """The network of a run's newest checkpoint, or of a checkpoint folder, and the config that it was trained with.

    Raises CheckpointError if there is none, or if it is damaged.
    """
    checkpoint = _load(path)
    return load_model(checkpoint).eval(), checkpoint.config


def load_policies(paths: Sequence[Place]) -> tuple[list[TransformerGNN], Config]:
    """The networks of several training seeds, and the config that the first of them was trained with.

    Raises CheckpointError like `load_policy`, or if they were trained on different worlds.
    """
    loaded = [load_policy(path) for path in paths]
    config = loaded[0][1]
    for path, (_, other) in zip(paths, loaded, strict=True):
        for section in ("task", "generator", "world"):
            if getattr(other, section) != getattr(config, section):
                what = f"has another {section} than {paths[0]}"
                raise CheckpointError(str(path), what, "take networks that were trained alike, but for the seed")
    return [model for model, _ in loaded], config


def _load(path: Place) -> Checkpoint:
    with fetched(path) as folder:
        return Checkpoint.load(find_checkpoint(folder).folder)


def _model_policies(path: Place, checkpoint: Checkpoint, count: int, request: Request) -> list[Policy]:
    """Argmax and sampled play of a checkpoint. The folders' names distinguish several checkpoints."""
    name = "policy" if count == 1 else name_of(path)
    model, has_own_view = load_model(checkpoint).eval(), request.is_view_kept or not request.preset
    told = _told(name, checkpoint.config, request.preferences)
    trained = checkpoint.config if has_own_view else None
    return [
        ModelPolicy(model, mode, request.seed, told_name, tell, trained)
        for told_name, tell in told
        for mode in ("argmax", "sampled")
    ]


def _told(name: str, config: Config, preferences: Sequence[str]) -> list[tuple[str, Tell | None]]:
    """A policy's name, and what it is told, once for each of the preferences."""
    return [(f"{name} {words}", _tell(words, config)) for words in preferences] or [(name, None)]


def _tell(words: str, config: Config) -> Tell:
    weights = parse_preference(words, config)
    return lambda observation: task_of(config).tell(observation, weights, config)


def _check_limits(policies: Sequence[Policy], groups: Sequence[Group], config: Config) -> None:
    """Raises ConfigError if one of them cannot play all episodes."""
    for policy in policies:
        if isinstance(policy, LimitedPolicy | SearchPolicy):
            for group in groups:
                policy.check(group.source, config)


def _note(path: Place, checkpoint: Checkpoint) -> str:
    config = checkpoint.config
    teacher = "and from what a search would choose" if config.ppo.imitation_weight else "alone"
    return f"policy of {path}: run {config.name}, iteration {checkpoint.iteration}, learnt from reward {teacher}"


def _pretrained(config: Config, groups: Sequence[Group], request: Request) -> list[Policy]:
    """The policy that comes with the package. It sees and chooses as it was trained, whatever world it plays."""
    kinds = {group.source.sizes.num_resources for group in groups}
    found, *_ = [load_pretrained(config.task, num_resources) for num_resources in sorted(kinds, reverse=True)]
    model, told = found.model(), _told(PRETRAINED, found.config, request.preferences)
    return [ModelPolicy(model, "argmax", request.seed, name, tell, found.config) for name, tell in told]


def _groups(config: Config, scenarios: Sequence[Path], num_episodes: int | None, seed: int) -> list[Group]:
    if not scenarios:
        source = make_source(config, seed, is_training=False)
        return [Group(_generated_title(config, seed), source, num_episodes or GENERATED_EPISODES)]
    for number, path in enumerate(scenarios):
        if path in scenarios[:number]:
            raise ConfigError("--scenario", f"{path} is named twice", "name each file once")
    return [
        Group(
            f"Scenario {path}",
            make_scenario_source(config, [load_scenario(path)], seed),
            num_episodes or SCENARIO_EPISODES,
            path,
        )
        for path in scenarios
    ]


def _generated_title(config: Config, seed: int) -> str:
    generator = config.generator
    if not generator.scenarios:
        return f"Episodes generated from {config.name}, seed {seed}, never trained on"
    names = ", ".join(str(scenario["name"]) for scenario in generator.scenarios)[:200]
    how = f"varied with seed {seed}, never trained on" if generator.vary.is_on else "the same that are trained on"
    return f"Scenarios of {config.name} ({names}), {how}"


def _check_fit(path: Place, checkpoint: Checkpoint, groups: Sequence[Group]) -> None:
    """One network serves any number of UAVs and targets, but a fixed number of resource kinds."""
    known = make_source(checkpoint.config, checkpoint.config.seed, is_training=False).sizes.num_resources
    for group in groups:
        num_resources = group.source.sizes.num_resources
        if num_resources != known:
            what = f"has {num_resources} resource kinds, the checkpoint {path} knows {known}"
            raise ScenarioError(group.title, what, "use a checkpoint trained with as many kinds")


def pool(results: Sequence[tuple[Group, Comparison]]) -> Comparison | None:
    """The comparison over several scenario files, each of which counts once; None = there are not several groups."""
    return Comparison.pooled([comparison for _, comparison in results]) if len(results) > 1 else None


def to_dict(results: Sequence[tuple[Group, Comparison]], notes: Sequence[str]) -> dict[str, Any]:
    """All results as plain data for JSON: each group, and the scenario files together if there are several."""
    pooled = pool(results)
    return {
        "policies": list(notes),
        "groups": [{"title": group.title, **comparison.to_dict()} for group, comparison in results],
        **({"pooled": pooled.to_dict()} if pooled else {}),
    }
