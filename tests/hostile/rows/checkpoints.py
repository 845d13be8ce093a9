"""Bad inputs of commands that read runs and checkpoints: evaluate, train --resume, train --weights, top, traces.

Files of a checkpoint that are sealed anew have their own tests (`fuzz/`, `unit/training/checkpoints/test_content.py`).
"""

import hashlib
import json

from tests.hostile.row import FIFO, FOLDER, File, Link, Row

__all__ = ["ROWS"]

OLDER, NEWEST = "run/checkpoints/checkpoint-000001", "run/checkpoints/checkpoint-000002"
NAMES = (
    "model.safetensors", "optimizer.safetensors", "stages.safetensors", "worlds.npz", "config.yaml", "state.json",
)  # fmt: skip
STATUS = {
    "run": "r", "engine": "local", "time_s": 0.0, "iteration": 1, "iterations": 2, "headline": "NCS", "alerts": [],
    "metrics": {"time/elapsed_s": 1.0, "time/eta_s": 1.0, "time/checkpoint_age_s": 1.0}, "curves": {}, "nodes": [],
    "runners": [],
}  # fmt: skip


def _canonical(body: object) -> bytes:
    return json.dumps(body, indent=1, sort_keys=True).encode() + b"\n"


def _manifest(version: object = 1, **num_bytes: object) -> bytes:
    """A manifest that is whole, and that lists files of these sizes besides a checkpoint's own."""
    entries = {name: {"bytes": num_bytes.get(name.split(".")[0], 1), "sha256": "0" * 64} for name in NAMES}
    body = {"format_version": version, "files": entries}
    return _canonical({**body, "sha256": hashlib.sha256(_canonical(body)).hexdigest()})


def _status(**values: object) -> str:
    return json.dumps({**STATUS, **values})


def _both(name: str, content: File) -> dict[str, File]:
    """The same in both checkpoints: no sound one is left."""
    return {f"{OLDER}/{name}": content, f"{NEWEST}/{name}": content}


def _damaged(words: list[str], name: str, content: File, line: str) -> Row:
    return Row(words, rf"{name.replace('.', '[.]')}: .*{line}.*; train again", files=_both(name, content))


RESUME, EVALUATE, WEIGHTS = (
    ["train", "--resume", "{run}"],
    ["evaluate", "{run}"],
    ["train", "debug", "--weights", "{run}"],
)
NEWEST_WORDS = ["evaluate", "{run}/checkpoints/checkpoint-000002"]

ROWS = [
    # what stands in the place of a run
    Row(["evaluate", "nothing"], r"nothing: does not exist; name a run folder"),
    Row(["evaluate", "file"], r"file: is a file, not a run or checkpoint folder; ", files={"file": "x"}),
    Row(["evaluate", "folder"], r"folder: holds no checkpoint", files={"folder": FOLDER}),
    Row(["evaluate", "pipe"], r"pipe: is not a folder", files={"pipe": FIFO}),
    Row(["evaluate", "/dev/null"], r"/dev/null: is not a folder"),
    Row(["train", "--resume", "nothing"], r"nothing: does not exist"),
    Row(["train", "--resume", "file"], r"file: is not a folder", files={"file": "x"}),
    Row(["train", "--resume", "folder"], r"folder: holds no checkpoint", files={"folder/config.yaml": "x"}),
    Row(["train", "debug", "--weights", "nothing"], r"nothing: does not exist"),
    Row(["train", "debug", "--weights", "folder"], r"folder: holds no checkpoint", files={"folder": FOLDER}),
    Row(["top", "nothing"], r"nothing: is no folder"),
    Row(["top", "file"], r"file: is no folder", files={"file": "x"}),
    Row(["top", "folder"], r"has no status.json: no iteration", files={"folder": FOLDER}),
    Row(["scenario", "assign", "s.yaml", "--policy", "folder", "--out", "o.yaml"], r".", files={"folder": FOLDER}),
    # damage to both checkpoints, by the file
    *(
        _damaged(EVALUATE, name, content, line)
        for name in NAMES
        for content, line in (("x", "is truncated"), (FOLDER, "is not a plain file"))
    ),
    _damaged(RESUME, "model.safetensors", FIFO, "is not a plain file"),
    _damaged(RESUME, "worlds.npz", Link("/dev/zero"), "is not a plain file"),
    _damaged(RESUME, "state.json", Link("/etc/passwd"), "is not a plain file"),
    _damaged(RESUME, "config.yaml", "x" * 2_000_000, "is changed: it has 2000000 bytes"),
    _damaged(WEIGHTS, "optimizer.safetensors", b"\x00" * 3_000_000, "is changed: it has 3000000 bytes"),
    _damaged(WEIGHTS, "model.safetensors", "", "is truncated to 0 of"),
    _damaged(EVALUATE, "extra.pkl", b"\x80\x04.", "is not listed in manifest.json"),
    _damaged(EVALUATE, "sub", FOLDER, "is not listed in manifest.json"),
    # the manifest
    _damaged(EVALUATE, "manifest.json", "", "is truncated or changed|is truncated to 0"),
    _damaged(EVALUATE, "manifest.json", "{}", "is truncated or changed"),
    _damaged(EVALUATE, "manifest.json", "[" * 100_000, "is truncated or changed"),
    _damaged(EVALUATE, "manifest.json", '{"format_version": 1, "files": 3}', "is truncated or changed"),
    _damaged(EVALUATE, "manifest.json", b"\xff" * 100, "is truncated or changed"),
    _damaged(EVALUATE, "manifest.json", " " * 2_000_000, "is changed: it has 1.9 MiB"),
    _damaged(EVALUATE, "manifest.json", FIFO, "is not a plain file"),
    _damaged(EVALUATE, "manifest.json", FOLDER, "is not a plain file"),
    _damaged(EVALUATE, "manifest.json", Link("/dev/zero"), "is not a plain file"),
    Row(
        EVALUATE,
        r"newer version of rl_cluster \(format 99; .*; install that",
        files=_both("manifest.json", _manifest(99)),
    ),
    Row(EVALUATE, r"manifest.json: is truncated or changed", files=_both("manifest.json", _manifest("\x1b[2J" * 99))),
    Row(EVALUATE, r"newer version of rl_cluster \(format 10{19}; ", files=_both("manifest.json", _manifest(10**400))),
    Row(EVALUATE, r"config.yaml: is changed", files=_both("manifest.json", _manifest())),
    Row(EVALUATE, r"config.yaml: has 42949672960 bytes", files=_both("manifest.json", _manifest(config=40 << 30))),
    Row(RESUME, r"config.yaml: has \d+ bytes, more than", files=_both("manifest.json", _manifest(config=10**30))),
    Row(RESUME, r"model.safetensors: is listed .* without size", files=_both("manifest.json", _manifest(model="1"))),
    Row(RESUME, r"state.json: is listed .* without size", files=_both("manifest.json", _manifest(state=True))),
    Row(RESUME, r"worlds.npz: is listed .* without size", files=_both("manifest.json", _manifest(worlds=1.5))),
    Row(RESUME, r"worlds.npz: is listed .* without size", files=_both("manifest.json", _manifest(worlds=None))),
    # a checkpoint that is named itself is not passed over, and the older one is the remedy
    Row(NEWEST_WORDS, rf"worlds.npz: is truncated.*; use \S*{OLDER}", files={f"{NEWEST}/worlds.npz": "x"}),
    Row(NEWEST_WORDS, rf"state.json: is not a plain.*; use \S*{OLDER}", files={f"{NEWEST}/state.json": FIFO}),
    Row(
        ["evaluate", NEWEST.replace("run", "{run}", 1), "--ladder", "2,3"],
        r"is truncated",
        files={f"{NEWEST}/state.json": ""},
    ),
    # status
    Row(["top", "{run}"], r"is no JSON that can be read", files={"run/status.json": ""}),
    Row(["top", "{run}"], r"is no JSON that can be read", files={"run/status.json": b"\xff\xfe{}"}),
    Row(["top", "{run}"], r"is no JSON that can be read", files={"run/status.json": "[" * 200_000}),
    Row(["top", "{run}"], r"is no JSON that can be read", files={"run/status.json": "1" * 200_000}),
    Row(["top", "{run}"], r"has 4.8 MiB, more than 4 MiB", files={"run/status.json": " " * 5_000_000}),
    Row(["top", "{run}"], r"is not a regular file", files={"run/status.json": FIFO}),
    Row(["top", "{run}"], r"is not a regular file", files={"run/status.json": Link("/dev/zero")}),
    Row(["top", "{run}"], r"status.json: is a folder", files={"run/status.json": FOLDER}),
    Row(["top", "{run}"], r"is no status of this version", files={"run/status.json": "[]"}),
    Row(["top", "{run}"], r"is no status of this version: 'run': Field", files={"run/status.json": "{}"}),
    Row(["top", "{run}"], r"control characters", files={"run/status.json": _status(run="\x1b]0;x\x07")}),
    Row(["top", "{run}"], r"control characters", files={"run/status.json": _status(alerts=["a\nb"])}),
    Row(["top", "{run}"], r"control characters", files={"run/status.json": _status(curves={"\u202e": []})}),
    Row(["top", "{run}"], r"'iteration': ", files={"run/status.json": _status(iteration=-1)}),
    Row(["top", "{run}"], r"'time_s': ", files={"run/status.json": _status(time_s="now")}),
    Row(["top", "{run}"], r"a number beyond", files={"run/status.json": _status(time_s=1e300)}),
    Row(["top", "{run}"], r"has no time/", files={"run/status.json": _status(metrics={})}),
    Row(["top", "{run}"], r"'nodes.0", files={"run/status.json": _status(nodes=[{"node": "a"}])}),
    Row(["top", "{run}"], r"'runners.0", files={"run/status.json": _status(runners=[3])}),
]
