"""Bad inputs of the commands that read settings: files, presets and overrides of `config`, `train` and `evaluate`."""

from tests.hostile.row import Row

SCENARIO = """name: one
area: {width_m: 1000, height_m: 1000}
uavs: [{id: u, position_m: [1, 1], heading_rad: 0, resources: [1], range_m: 9, speed_mps: [1, 2], cruise_mps: 1}]
targets: [{id: t, position_m: [9, 9], demand: [1], value: 1}]
"""


def _override(text: str, line: str, preset: str = "quick_demo") -> Row:
    return Row(["config", "validate", preset, text], line)


def _file(text: str | bytes, line: str, name: str = "run.yaml") -> Row:
    return Row(["train", name], line, files={name: text})


EDGES = {
    "generator.cruise_mps=[1e-46, 1e-46]": "cruise_mps",
    "generator.cruise_mps=[20, 1e38]": "cruise_mps",
    "generator.target_value=[1e-46, 1]": "target_value",
    "generator.target_value=[1, 1e39]": "target_value",
    "generator.spacing_m=1e-46": "spacing_m",
    "generator.spacing_m=1e38": "spacing_m",
    "world.time_limit_sides=1e-46": "time_limit_sides",
    "world.time_limit_sides=1e7": "flight steps.*; lower",
    "world.substep_s=0": "substep_s",
    "world.sensing_radius_m=-1": "sensing_radius_m",
    "reward.completion=1e300": "completion",
    "reward.path=-0.1": "path",
    "ppo.clip=1e-46": "clip",
    "ppo.clip=1": "below 1",
    "ppo.lr=[1e-3, 2]": "ppo.lr.1",
    "ppo.gamma=.nan": "gamma",
    "ppo.gae_lambda=.inf": "gae_lambda",
    "ppo.max_grad_norm=0": "max_grad_norm",
    "ppo.num_epochs=1e18": "num_epochs",
    "ppo.minibatch_rows=1000000000000000000": "minibatch_rows",
    "learners.part_rows=-1": "part_rows",
    "learners.memory_share=1e-46": "memory_share",
    "learners.empty_cache_share=0": "empty_cache_share",
    "model.compile=all": "compile",
    "sampling.timeout_s=0": "timeout_s",
    "sampling.cpus_per_runner=1e-46": "cpus_per_runner",
    "sampling.num_env_runners=4097": "num_env_runners",
    "training.iterations=1000000000000000000": "iterations",
    "training.time_limit_s=1e-46": "time_limit_s",
    "training.evaluation_episodes=1000000000000000000": "evaluation_episodes",
    "training.keep_checkpoints=1": "keep_checkpoints",
    "monitoring.node_interval_s=1": "node_interval_s.*at least 5",
    "controllers.plateau_factor=1e-46": "plateau_factor",
    "controllers.kl_target=1e-46": "kl_target",
    "controllers.kl_weight_range=[1, 1e-3]": "low end above",
    "seed=-1": "seed",
    "seed=²": "seed",
    "seed=0x10": "seed",
    "seed=true": "seed",
    "seed=" + "9" * 5000: "seed",
    "name=" + "a" * 65: "name",
    "name=\udcff": "UTF-8",
    "name=../up": "name",
    "name=''": "name",
    "name=a b": "name",
    "n\udcff=3": "unknown key",
    "=": "unknown key",
    "ppo": "without '='",
    "ppo.lr=": "is empty",
    "ppo.lr=[1e-3": "correct the YAML",
    "ppo.lr=1e-3": "a list of 2",
    "ppo.lr=[1e-3, 1e-4, 1e-5]": "ppo.lr",
    "ppo.clip='0.2'": "finite number",
    "ppo.clip=٣": "finite number",
    "ppo.cilp=0.1": "did you mean ppo.clip",
    "model.width=65": "not divisible",
    "model.size=huge": "auto, small, large",
    "engine=slurm": "one of ray, local",
    "task=navigate": "task allocate",
    "curriculum={}": "curriculum",
    "study={metric: 5}": "study",
    "sampling={}": "is missing",
    "generator.num_uavs=[8, 2]": "low, high",
    "generator.num_uavs=[0, 2]": "num_uavs",
    "generator.num_uavs=[2, 4097]": "num_uavs",
    "generator=!!python/object:os.system {}": "is not allowed",
    "world=" + "[" * 50 + "]" * 50: "nested",
}
NO_EFFECT = {
    "quick_demo": [
        ["engine=local", "sampling.timeout_s=5"],
        ["engine=local", "sampling.mode=overlap"],
        ["engine=local", "learners.num_learners=1"],
        ["engine=local", "learners.timeout_s=5"],
        ["engine=local", "training.max_restarts=9"],
        ["engine=local", "sampling.cpus_per_runner=1"],
        ["sampling.num_env_runners=0", "sampling.mode=overlap"],
        ["sampling.num_env_runners=0", "sampling.timeout_s=5"],
        ["learners.timeout_s=5"],
        ["sampling.gpus_per_runner=0.5", "engine=local"],
    ],
    "debug": [
        ["api_stack=old", "reward.own_weight=1"],
        ["api_stack=old", "world.training_intent_rounds=2"],
        ["api_stack=old", "learners.part_rows=8"],
        ["api_stack=old", "learners.memory_share=0.5"],
        ["api_stack=old", "model.compile=blocks"],
        ["learners.empty_cache_share=0.9"],
        ["api_stack=old", "learners.cpus_per_learner=2"],
        ["api_stack=old", "training.max_restarts=0"],
        ["api_stack=old", "sampling.mode=overlap"],
        ["api_stack=old", "controllers.kl_target=0.1"],
        ["api_stack=old", "engine=local"],
    ],
    "high_performance": [["sampling.num_env_runners=0"]],
}
FILES = {
    "": "is empty",
    "- 1": "is not a mapping",
    "null": "is not a mapping",
    "{}": "task: is missing",
    "task: fly": "task",
    "base: nothing": "is no preset",
    "base: {}": "is no preset",
    "base: debug\nbase: debug": "occurs twice",
    "base: debug\nppo: 1": "ppo",
    "base: debug\nppo: {clipp: 1}": "did you mean",
    "base: debug\n--- \nseed: 1": "document",
    "base: &a [*a]": "within its own value",
    "base: debug\ncallbacks: ['os:system']": "os:system is not allowed.*; export RL_CLUSTER_ALLOWED_IMPORTS=os:system",
    "base: debug\ncallbacks: ['os.system(1)']": "is no import path; write module:Class",
    "base: debug\nengine: local\nsampling: {timeout_s: 7}": "has no effect with engine=local",
    "base: debug\napi_stack: old\nreward: {own_weight: 0.7}": "has no effect with api_stack=old",
    "base: debug\nsampling: {worlds_per_runner: 65536}\ngenerator: {num_uavs: [2, 4096]}": "GiB",
    SCENARIO: "is a scenario.*--scenario",
    "type: FeatureCollection\nfeatures: []": "scenario import",
    "search: tpe\nspace: []": "study section",
    "a: [" + "{}," * 250_000 + "]": "values",
    "\x00": "character",
}

ROWS = [
    *(_override(text, line) for text, line in EDGES.items()),
    _override("study.metric=5", "metric", "tune_demo"),
    _override("study.space=[]", "space", "tune_demo"),
    _override("generator.num_targets=[2, 4]", "unknown key", "navigate_demo"),
    _override("curriculum.metric=value_rate", "one of success_rate", "navigate_curriculum"),
    _override("curriculum.pace=slow", "pace", "curriculum_demo"),
    *(
        Row(["config", "validate", preset, *words], r"; (omit it, or set|set) ")
        for preset, cases in NO_EFFECT.items()
        for words in cases
    ),
    *(_file(text, line) for text, line in FILES.items()),
    _file('{"a": [' + ",".join(["{}"] * 250_000) + "]}", "values", "run.json"),
    _file('{"task": NaN}', "NaN", "run.json"),
    _file('{"task": "allocate", "task": "allocate"}', "twice", "run.json"),
    _file("{", "is not JSON", "run.json"),
    _file(b"\xff\xfe", "UTF-8", "run.yaml"),
    _file("{}", "trace, or the metrics", "metrics.jsonl"),
    Row(["train", "{run}"], "is a run folder.*--resume"),
    Row(["train", "{run}/checkpoints/checkpoint-000001"], "is a checkpoint.*--weights"),
    Row(["train", "{run}/metrics.jsonl"], "metrics of a run"),
    Row(["train", "quik_demo"], "is neither a preset nor a file; did you mean quick_demo?"),
    Row(["config", "show", "missing.yaml"], "cannot be read"),
    Row(["config", "show", "folder"], "is a folder", files={"folder": None}),
    Row(["evaluate", "{run}", "ppo.clip=0.1"], "takes no settings"),
    Row(["evaluate", "quick_demo"], "write --preset"),
    Row(["evaluate", "run.yaml"], "is a file", files={"run.yaml": "base: debug"}),
    Row(["evaluate", "--preset", "one.yaml"], "is a scenario", files={"one.yaml": SCENARIO}),
    Row(["evaluate", "--episodes", "1000000000000000000"], "--episodes"),
    Row(["evaluate", "--seed", "٣x"], "--seed"),
    *(
        Row(["evaluate", "{run}", "--ladder", sizes], "--ladder.*; write")
        for sizes in ("²,8", "٣", "8,", "0", "4097", "8;16", "1e3", "-8", "")
    ),
]
