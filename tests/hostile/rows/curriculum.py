"""Bad inputs of curricula and controllers: settings on the command line, and files of settings with bad stages."""

from tests.hostile.row import Row


def _controllers(setting: str, line: str) -> Row:
    return Row(["train", "debug", f"controllers.{setting}"], line)


def _curriculum(setting: str, line: str) -> Row:
    return Row(["train", "curriculum_demo", f"curriculum.{setting}"], line)


def _stages(stages: str, line: str) -> Row:
    return Row(["config", "validate", "run.yaml"], line, files={"run.yaml": f"base: curriculum_demo\n{stages}\n"})


def _stage(changed: str, line: str) -> Row:
    """One stage, which is sound but for a change: later keys of `changed` take the place of sound ones."""
    sound = {
        "num_uavs": "[2, 3]",
        "num_targets": "[1, 2]",
        "num_obstacles": "[0, 2]",
        "pass_score": "0.75",
        "mix": "[1.0, 0.0]",
    }
    name, _, value = changed.partition(": ")
    keys = {**sound, name: value} if value else {key: sound[key] for key in sound if key != name}
    written = ", ".join(f"{key}: {text}" for key, text in keys.items())
    return _stages(f"curriculum: {{stages: [{{{written}}}]}}", line)


ROWS = [
    _controllers("on_divergence=restart", r"on_divergence.*; .*none.*restore"),
    _controllers("on_divergence=true", r"on_divergence"),
    _controllers("on_divergence=", r"on_divergence"),
    _controllers("on_divergance=restore", r"did you mean controllers\.on_divergence"),
    _controllers("max_restores=0", r"max_restores.*got 0; .*at least 1"),
    _controllers("max_restores=-1", r"max_restores"),
    _controllers("max_restores=1001", r"max_restores.*at most 1000"),
    _controllers("max_restores=1.5", r"max_restores"),
    _controllers("max_restores=1e400", r"max_restores"),
    _controllers("max_restores=null", r"max_restores"),
    _controllers("plateau=score", r"plateau.*none.*lr.*entropy"),
    _controllers("plateau_rounds=1", r"plateau_rounds"),
    _controllers("plateau_factor=1.0", r"plateau_factor"),
    _controllers("min_lr=-1e-6", r"min_lr"),
    _controllers("min_lr=.nan", r"min_lr"),
    _controllers("kl_target=.inf", r"kl_target"),
    _controllers("kl_weight=1000", r"kl_weight=1000.* is not within kl_weight_range"),
    _controllers("kl_weight_range=[10, 1]", r"kl_weight_range"),
    _controllers("kl_weight_range=[1]", r"kl_weight_range"),
    Row(
        ["train", "debug", "api_stack=old", "sampling.num_env_runners=1", "controllers.on_divergence=restore"],
        r"on_divergence=restore is for api_stack=new.*; set it to none",
    ),
    _curriculum("floor_share=1.5", r"floor_share.*got 1\.5; "),
    _curriculum("floor_share=-0.1", r"floor_share"),
    _curriculum("floor_share=.nan", r"floor_share"),
    _curriculum("floor_share=random", r"floor_share"),
    _curriculum("floor_share=[0.5]", r"floor_share"),
    _curriculum("floor_shares=0.5", r"did you mean curriculum\.floor_share"),
    _curriculum("pace=brisk", r"pace.*conservative.*aggressive"),
    _curriculum("metric=reach_rate", r"metric"),
    _curriculum("num_passes=0", r"num_passes"),
    _curriculum("fallback_share=2", r"fallback_share"),
    _curriculum("lr_decay=0", r"lr_decay"),
    _curriculum("stages={}", r"stages"),
    _curriculum("stages=null", r"stages"),
    _stage("pass_score: 0", r"pass_score.*got 0"),
    _stage("pass_score: .inf", r"pass_score"),
    _stage("pass_score: '0.8'", r"pass_score"),
    _stage("mix: [0.5, 0.5]", r"first stage has none before it"),
    _stage("mix: [1.0]", r"mix"),
    _stage("mix: [2.0, -1.0]", r"mix"),
    _stage("num_uavs: [3, 2]", r"num_uavs"),
    _stage("num_uavs: [2, 21]", r"num_uavs=\[2, 21\] is not within generator\.num_uavs"),
    _stage("num_uavs: [0, 2]", r"num_uavs"),
    _stage("num_targets", r"num_targets"),
    _stage("num_obstacles: [0, 99999]", r"num_obstacles"),
    _stage("num_drones: [2, 3]", r"num_drones"),
    _stages("curriculum: {stages: [1, 2]}", r"stages"),
    _stages("curriculum: easy", r"curriculum"),
    _stages("training: {evaluate_every: 0}", r"a curriculum moves by evaluations; "),
]
