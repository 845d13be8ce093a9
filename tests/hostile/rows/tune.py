"""Bad inputs of `tune`: settings of a study, and folders that `--resume` is to go on with. None of them starts Ray."""

import json

from rl_cluster.config.load import load_config, to_yaml
from tests.hostile.row import FIFO, File, Link, Row

SAMPLE = {"ppo.lr": 1e-3, "ppo.clip": 0.2, "ppo.entropy_weight": 0.01, "ppo.gae_lambda": 0.95}
ENTRY = {
    "trial": "00000", "status": "trains", "sample": SAMPLE, "rounds": 1,
    "scores": {"100": 0.5, "101": 0.5, "102": 0.5}, "stage": 1.0, "stage_rounds": 0, "held": 0.0, "diverged": 0.0,
}  # fmt: skip
HEADER = '{"format": 1}\n'
SETTINGS = to_yaml(load_config("tune_demo"))


def _line(**changed: object) -> str:
    return json.dumps({**ENTRY, **changed}) + "\n"


def _study(**changed: File) -> dict[str, File]:
    """A study with one trial after its first round, but for some of its files; `__` stands for a slash."""
    files: dict[str, File] = {"study.yaml": SETTINGS, "trials.jsonl": HEADER + _line(), "trials/00000/100": None}
    files |= {name.replace("__", "/").replace("_yaml", ".yaml").replace("_jsonl", ".jsonl"): file
              for name, file in changed.items()}  # fmt: skip
    return {f"study/{name}": file for name, file in files.items()}


def _resumed(line: str, **changed: File) -> Row:
    return Row(["tune", "--resume", "study"], line, files=_study(**changed))


def _journal(content: str | bytes, line: str) -> Row:
    return _resumed(line, trials_jsonl=content)


def _space(key: str, low: str = "1", high: str = "2") -> str:
    return f"study.space=[{{key: {key}, low: {low}, high: {high}, log: false}}]"


SETTINGS_ROWS = [
    Row(["tune"], r"nothing to tune is given; name a preset"),
    Row(["tune", "debug"], r"debug: study: is null; begin from a preset that has a study"),
    Row(["tune", "tune_demo", "--out", "taken"], r"taken: exists already; ", files={"taken": "mine"}),
    Row(["tune", "tune_demo", "--out", "taken"], r"taken: exists already; ", files={"taken": None}),
    Row(["tune", "tune_demo", "--out", "link"], r"link: exists already; ", files={"link": Link("nowhere")}),
    Row(["tune", "tune_demo", "--out", "study"], r"go on with --resume ", files=_study()),
    Row(["tune", "tune_demo", "--resume", "study", "--out", "other"], r"exclude each other; omit", files=_study()),
    Row(["tune", "tune_demo", "seed=7", "--resume", "study"], r"seed=7 is not .*; ", files=_study()),
    Row(["tune", "tune_demo", "study.metric=evaluation/ncs"], r"is no metric of it; did you mean"),
    Row(["tune", "tune_demo", "study.metric=5"], r"study.metric=5: .*; "),
    Row(["tune", "tune_demo", "study.metric=''"], r"study.metric.*; "),
    Row(["tune", "tune_demo", "training.evaluate_every=0"], r"does not divide the 100 iterations; "),
    Row(["tune", "tune_demo", "training.evaluate_every=7"], r"does not divide the 100 iterations; "),
    Row(["tune", "tune_demo", "study.grace_rounds=11"], r"more than the 10 rounds of a trial; "),
    Row(["tune", "tune_demo", "study.scheduler=stages"], r"stages needs a curriculum; "),
    Row(["tune", "tune_demo", "study.search=grid"], r"study.search=grid: .*; "),
    Row(["tune", "tune_demo", "study.num_trials=0"], r"study.num_trials=0: .*; "),
    Row(["tune", "tune_demo", "study.num_trials=1e300"], r"study.num_trials=1e300: .*; "),
    Row(["tune", "tune_demo", "study.max_concurrent=-1"], r"study.max_concurrent=-1: .*; "),
    Row(["tune", "tune_demo", "study.num_seeds=1000000"], r"study.num_seeds=1000000: .*; "),
    Row(["tune", "tune_demo", "study.cpus_per_trial=0"], r"study.cpus_per_trial=0: .*; "),
    Row(["tune", "tune_demo", "study.cpus_per_trial=.nan"], r"study.cpus_per_trial=.nan: .*; "),
    Row(["tune", "tune_demo", "study.gpus_per_trial=2"], r"study.gpus_per_trial=2: .*; "),
    Row(["tune", "tune_demo", "study.reduction=1"], r"study.reduction=1: .*; "),
    Row(["tune", "tune_demo", "study.exploit=true"], r"exploit is for scheduler: stages; "),
    Row(["tune", "tune_demo", "study.search=pbt"], r"decides itself who goes on; "),
    Row(["tune", "tune_demo", "study.space=[]"], r"study.space=\[\].*; "),
    Row(["tune", "tune_demo", "study.space=ppo.lr"], r"study.space=ppo.lr: .*; "),
    Row(["tune", "tune_demo", _space("ppo.lrr")], r"ppo.lrr: is no setting; did you mean ppo.lr"),
    Row(["tune", "tune_demo", _space("name")], r"name: is no number, and no pair of numbers; "),
    Row(["tune", "tune_demo", _space("study.num_trials")], r"study.num_trials: is no setting; "),
    Row(["tune", "tune_demo", _space("ppo.clip")], r"with ppo.clip=1: ppo.clip: got 1.*; "),
    Row(["tune", "tune_demo", _space("ppo.lr", "2", "1")], r"low=2 is not below high=1; "),
    Row(["tune", "tune_demo", _space("ppo.lr", "1", "1e999")], r"study.space.*; "),
    Row(["tune", "tune_demo", _space("__class__")], r"is no setting; "),
    Row(["tune", "tune_demo", _space("seed", "1", "9")], r"study.space: seed: cannot be searched: "),
    Row(["tune", "tune_demo", _space("training.max_restarts")], r"max_restarts: has no effect in a study: .*; search"),
    Row(["tune", "tune_demo", "api_stack=old"], r"api_stack=old: has no effect in a study: .*; give it to train"),
    Row(["tune", "tune_demo", "monitoring.node_interval_s=9"], r"has no effect in a study: .*; give it to train"),
    Row(
        ["tune", "tune_demo", "monitoring.wandb_mode=online"],
        r"there is no key for api\.wandb\.ai; export WANDB_API_KEY",
    ),
    Row(["tune", "tune_demo", "training.time_limit_s=5"], r"has no effect in a study: trials are compared by rounds; "),
    Row(["tune", "tune_demo", "training.checkpoint_every=5"], r"has no effect in a study: trials save after each"),
]

FOLDER_ROWS = [
    Row(["tune", "--resume", "nothing"], r"nothing: is no study: it has no study.yaml; name the folder"),
    Row(["tune", "--resume", "file"], r"file: is no study: ", files={"file": ""}),
    Row(["tune", "--resume", "{run}"], r"is no study: it has no study.yaml; "),
    Row(["tune", "--resume", "study"], r"begun by an older version: it has no trials.jsonl",
        files={"study/study.yaml": SETTINGS, "study/search/tuner.pkl": b"\x80\x04cos\nsystem\n"}),
    _resumed(r"study.yaml: is neither a plain file nor", study_yaml=FIFO),
    _resumed(r"study.yaml: is neither a plain file nor", study_yaml=Link("/etc/hostname")),
    _resumed(r"study.yaml: .*; ", study_yaml=""),
    _resumed(r"study.yaml: .*; ", study_yaml=b"\xff\xfe"),
    _resumed(r"study.yaml.*; ", study_yaml="!!python/object/apply:os.system [id]"),
    _resumed(r"study: is null; ", study_yaml=to_yaml(load_config("debug"))),
    _resumed(r"trials.jsonl: is neither a plain file nor", trials_jsonl=FIFO),
    _resumed(r"trials.jsonl: is neither a plain file nor", trials_jsonl=Link("/dev/zero")),
    _resumed(r"trials.jsonl: is no plain file of at most", trials_jsonl=None),
    _resumed(r"100: is neither a plain file nor a folder; ", trials__00000__100=Link("/etc")),
    _resumed(r"00001: is neither a plain file nor a folder; ", trials__00001=Link("{home}")),
    _resumed(r"00001: is neither a plain file nor a folder; ", trials__00001=FIFO),
]  # fmt: skip

JOURNAL_ROWS = [
    _journal("", r"line 1: does not tell the format; "),
    _journal("{}\n", r"line 1: does not tell the format; "),
    _journal("null\n" + _line(), r"line 1: does not tell the format; "),
    _journal(b"\x80\x04\x95\x1c\x00\x00cos\nsystem\n", r"line 1: does not tell the format; "),
    _journal('{"format": 2}\n', r"line 1: was written by a newer version .*; install that version or newer"),
    _journal('{"format": 1e999}\n', r"line 1: has format 'inf', which is no format's number; give a number"),
    _journal('{"format": ' + "9" * 5000 + "}\n", r"line 1: does not tell the format; "),
    _journal(HEADER + _line()[:60] + "\n" + _line(), r"line 2.*: is not JSON .*; delete that line"),
    _journal(HEADER + "\n", r"line 2.*; delete that line"),
    _journal(HEADER.encode() + b"\xff\n", r"line 2: is not UTF-8; delete that line"),
    _journal(HEADER + "[" * 60_000 + "\n", r"line 2.*; delete that line"),
    _journal(HEADER + "x" * 1_000_000 + "\n", r"line 2.*; delete that line"),
    _journal(HEADER + _line(scores={"100": float("nan"), "101": 0.5, "102": 0.5}), r"holds NaN.*; delete that line"),
    _journal(HEADER + _line(held=float("inf")), r"holds Infinity.*; delete that line"),
    _journal(HEADER + _line().replace("0.001", "1e999"), r"sample.ppo.lr: is not as a study writes it .*; delete"),
    _journal(HEADER + _line().replace('"rounds"', '"rounds": 0, "rounds"'), r"key rounds occurs twice; delete"),
    _journal(HEADER + _line(trial="../../../etc/passwd"), r"trial: is not as a study writes it .*; delete"),
    _journal(HEADER + _line(trial="\u0661\u0661\u0661\u0661\u0661"), r"trial: is not as a study writes it .*; delete"),
    _journal(HEADER + _line(trial="00008"), r"trial 00008 is none of the 8 of the study; delete"),
    _journal(HEADER + _line(rounds=11), r"11 rounds are more than the 10 of a trial; delete"),
    _journal(HEADER + _line(rounds=-1), r"rounds: is not as a study writes it .*; delete"),
    _journal(HEADER + _line(rounds=10**30), r"rounds: is not as a study writes it .*; delete"),
    _journal(HEADER + _line(status="won"), r"status: is not as a study writes it .*; delete"),
    _journal(HEADER + _line(sample={}), r"does not have the keys of study.space; delete"),
    _journal(HEADER + _line(sample={**SAMPLE, "ppo.lr": 5.0}), r"ppo.lr=5 is outside of its range; delete"),
    _journal(HEADER + _line(sample={**SAMPLE, "study": 1.0}), r"does not have the keys of study.space; delete"),
    _journal(HEADER + _line(scores={}), r"its scores are not of the seeds of the study; delete"),
    _journal(HEADER + _line(scores={"100": 0.5}), r"its scores are not of the seeds of the study; delete"),
    _journal(HEADER + _line(scores=[0.5, 0.5, 0.5]), r"scores: is not as a study writes it .*; delete"),
    _journal(HEADER + _line(command="id"), r"command: is not as a study writes it .*; delete"),
]

ROWS = [*SETTINGS_ROWS, *FOLDER_ROWS, *JOURNAL_ROWS]
