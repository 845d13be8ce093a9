"""Puts measured tables into the documents: their figures are generated, never typed.

    python -m benchmarks.tables                          # from docs/results
    python -m benchmarks.tables demo RUN                 # takes over what `make demo` scored first
    python -m benchmarks.tables navigate RUN             # .. or the scores of a run of navigate_demo
    python -m benchmarks.tables ladder RUN               # .. or the size ladder of RUN and other seeds
    python -m benchmarks.tables study STUDY              # .. or the trials of a study
    python -m benchmarks.tables curriculum_demo RUN      # .. or what a run of curriculum_demo decided, and when

A table stands between `<!-- table NAME: begin -->` and `<!-- table NAME: end -->`; `tests/test_documents.py` holds the
documents against docs/results.
"""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.report import machine

__all__ = ["DOCUMENTS", "RESULTS", "with_tables"]

ROOT = Path(__file__).parent.parent
DOCUMENTS = (
    ROOT / "README.md",
    ROOT / "docs" / "environments.md",
    ROOT / "docs" / "model.md",
    ROOT / "docs" / "performance.md",
    ROOT / "docs" / "curriculum.md",
    ROOT / "docs" / "tuning.md",
    ROOT / "docs" / "monitoring.md",
)
RESULTS = ROOT / "docs" / "results"
SCORES = {
    "demo": ("generated.json", "scenarios.json"),
    "navigate": ("generated.json",),
    "ladder": ("generated.json", "ladder.json", "ladder.png"),
    "study": ("trials.json", "parallel_coordinates.png"),
    "curriculum_demo": ("timeline.png",),
}
"""Run or study -> the files of its folder that are shown."""

Metrics = dict[str, tuple[str, int]]
"""Metric -> its label, and the decimals that it is shown with."""
DEMO_METRICS: Metrics = {
    "normalized_completion_score": ("NCS", 3),
    "satisfied_rate": ("satisfied rate", 3),
    "per_agent_reward": ("per-agent reward", 2),
    "efficiency_per_km": ("efficiency (targets/km)", 3),
    "makespan_s": ("makespan (s)", 0),
    "timeout_rate": ("ran out of time", 3),
}
NAVIGATE_METRICS: Metrics = {
    "success_rate": ("success rate", 3),
    "reach_rate": ("reach rate", 3),
    "safety_rate": ("safety rate", 3),
    "collisions_per_uav": ("collisions per UAV", 3),
    "mean_time_s": ("time to the goal (s)", 1),
    "path_ratio": ("path over straight line", 3),
    "per_agent_reward": ("per-agent reward", 2),
}


def _load(*parts: str) -> Any:
    return json.loads(RESULTS.joinpath(*parts).read_text(encoding="utf-8"))


def _table(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *body]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _label(policy: str) -> str:
    return {"policy argmax": "policy", "hungarian": "Hungarian", "cbba": "CBBA", "orca": "ORCA"}.get(policy, policy)


def _columns(group: dict[str, Any]) -> list[str]:
    """The policies that are shown: all but the sampled play of the network."""
    return [name for name in group["means"] if name != "policy sampled"]


def _means(group: dict[str, Any], metrics: Metrics) -> str:
    columns = _columns(group)
    body = [
        [label, *(f"{group['means'][name][metric]['mean']:.{decimals}f}" for name in columns)]
        for metric, (label, decimals) in metrics.items()
    ]
    return _table(["", *map(_label, columns)], body)


def _differences(group: dict[str, Any], metric: str, label: str) -> str:
    """A metric of argmax and sampled play minus each heuristic's, with its 95 % interval."""
    heuristics, body = _columns(group)[1:], []
    for mode in ("policy argmax", "policy sampled"):
        scores = [group["differences"][mode][name][metric] for name in heuristics]
        cells = [f"{score['mean']:+.3f} [{score['low']:+.3f}, {score['high']:+.3f}]" for score in scores]
        body.append([f"{label}, {mode} minus ..", *cells])
    return _table(["", *map(_label, heuristics)], body)


def _lead(group: dict[str, Any], trained: dict[str, Any]) -> str:
    return (
        f"{group['num_episodes']} generated episodes that were never trained on; trained in "
        f"{trained['training_s'] / 60:.1f} minutes on {trained['machine']}. It learnt from reward alone: nothing was "
        "imitated."
    )


def _demo() -> str:
    (group,), scenarios = _load("demo", "generated.json")["groups"], _load("demo", "scenarios.json")["groups"]
    columns = _columns(group)
    body = [
        [
            Path(scenario["title"].split()[-1]).stem,
            *(f"{scenario['means'][name]['normalized_completion_score']['mean']:.3f}" for name in columns),
        ]
        for scenario in scenarios
    ]
    parts = [
        _lead(group, _load("demo", "machine.json")),
        _means(group, DEMO_METRICS),
        _differences(group, "normalized_completion_score", "NCS"),
        _table(["NCS on scenario", *map(_label, columns)], body),
    ]
    return "\n\n".join(parts)


def _navigate() -> str:
    (group,) = _load("navigate", "generated.json")["groups"]
    parts = [
        _lead(group, _load("navigate", "machine.json")),
        _means(group, NAVIGATE_METRICS),
        _differences(group, "success_rate", "success rate"),
    ]
    return "\n\n".join(parts)


def _ladder() -> str:
    """Every rung of both regimes, and the first seed's scores on generated episodes."""
    ladders = _load("ladder", "ladder.json")["ladders"]
    trained = _load("ladder", "machine.json")
    seeds, minutes = ladders[0]["num_networks"], trained["training_s"] / 60
    parts = [f"{seeds} training seeds, {minutes:.0f} minutes each on one core, {trained['machine']}."]
    for ladder in ladders:
        head = ["UAVs", "episodes", "policy", "random", ladder["reference"], "collisions/UAV", "score", "transfer"]
        body = [
            [
                str(rung["num_uavs"]),
                str(rung["num_episodes"]),
                *(f"{rung['means'][name]['mean']:.3f}" for name in ("policy", "random", ladder["reference"])),
                f"{rung['collisions_per_uav']['mean']:.3f}",
                f"{rung['score']['mean']:.3f}",
                _with_interval(rung["transfer"]),
                " ".join(f"{ratio:.2f}" for ratio in rung["transfer_of_each"]),
            ]
            for rung in ladder["rungs"]
        ]
        parts += [f"NCS at {ladder['regime']}:", _table([*head, "of each seed"], body)]
    return "\n\n".join(parts)


def _with_interval(numbers: dict[str, float]) -> str:
    return f"{numbers['mean']:.3f} [{numbers['low']:.3f}, {numbers['high']:.3f}]"


def _quality() -> str:
    """The first seed of the ladder beside the heuristics."""
    (group,) = _load("ladder", "generated.json")["groups"]
    lead = f"{group['num_episodes']} generated episodes that were never trained on, first seed:"
    differences = _differences(group, "normalized_completion_score", "NCS")
    return "\n\n".join([lead, _means(group, DEMO_METRICS), differences])


def _measured(name: str) -> str:
    """A benchmark's rows: ours, the peer's, their ratio and the goal."""
    result = _load(f"{name}.json")
    body = [
        [
            row["name"],
            _number(row["ours"]),
            _number(row["peer"]),
            _number(row["ratio"]),
            _number(row["goal"]),
            {None: "", True: "yes", False: "no"}[row["met"]],
            row["unit"],
        ]
        for row in result["rows"]
    ]
    lead = f"`python -m benchmarks.{name}` on {result['machine']['name']}:"
    return lead + "\n\n" + _table(["", "ours", "peer", "ratio", "goal", "met", "unit"], body)


def _end_to_end() -> str:
    """With the share of an update that two Learners spend in exchanges."""
    shares = [shape["exchange_share"] for shape in _load("end_to_end.json")["scaling"].values()]
    taken = [100.0 * share for share in shares if share]
    note = f"Exchanges between two Learners took {min(taken):.0f} to {max(taken):.0f} % of their update."
    return _measured("end_to_end") + "\n\n" + note


def _sampling() -> str:
    """With the CPU time of Ray's daemons."""
    share = _load("sampling.json")["daemon_share"]
    note = f"Beside the remote runner, Ray's daemons took {share:.0%} of its CPU time; that is not in its rate."
    return _measured("sampling") + "\n\n" + note


def _curriculum_demo() -> str:
    """What a run said, and when; the iterations and seconds are its own."""
    run = _load("curriculum_demo", "machine.json")
    body = [[event["event"], str(event["iteration"]), f"{event['elapsed_s']:.0f}"] for event in run["events"]]
    return f"On {run['machine']}:\n\n" + _table(["said", "iteration", "s"], body)


def _optimum() -> str:
    """Each policy's means, and its gap to the optimum."""
    result = _load("optimum.json")
    columns = {"satisfied_rate": "satisfied rate", "normalized_completion_score": "NCS", "path_km_per_uav": "km/UAV"}
    body = []
    for name, metrics in result["gaps"].items():
        gap = metrics["satisfied_rate"]
        interval = "" if name == "optimum" else f"{gap['gap']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}]"
        body.append([_label(name), *(f"{metrics[metric]['mean']:.3f}" for metric in columns), interval])
    bound = next(row["peer"] for row in result["rows"] if row["peer_name"] == "solver's bound")
    lead = (
        f"`python -m benchmarks.optimum` on {result['machine']['name']}: {result['num_episodes']} instances with 2 to "
        f"6 UAVs and targets. No policy can exceed a satisfied rate of {bound:.3f}; the optimum meets its instance's "
        f"bound, and so is proved, in {result['num_proven']} of them."
    )
    return lead + "\n\n" + _table(["", *columns.values(), "satisfied rate minus the optimum's"], body)


def _study() -> str:
    """The best trials of a study, and what they were worth with other seeds."""
    result, machine_name = _load("study", "trials.json"), _load("study", "machine.json")["machine"]
    keys = list(result["trials"][0]["sample"])
    body = [
        [
            trial["trial"],
            *(f"{trial['sample'][key]:.3g}" for key in keys),
            f"{trial['score']:.3f}",
            str(trial["rounds"]),
        ]
        for trial in result["trials"]
    ]
    tests = [
        ["best trial" if test["sample"] else "as given", f"{test['score']:.3f}", _scores(test)]
        for test in result["tests"]
    ]
    parts = [
        f"{len(result['trials'])} trials on {machine_name}:",
        _table(["trial, best first", *(f"`{key}`" for key in keys), "score", "rounds"], body),
        "With test seeds:",
        _table(["settings", "score", "of each seed"], tests),
    ]
    return "\n\n".join(parts)


def _scores(test: dict[str, Any]) -> str:
    return " ".join(f"{score:.3f}" for score in test["seeds"].values())


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


TABLES: dict[str, Callable[[], str]] = {
    "demo": _demo,
    "navigate": _navigate,
    "ladder": _ladder,
    "quality": _quality,
    "attention": lambda: _measured("attention"),
    "ablation": lambda: _measured("ablation"),
    "intent_rounds": lambda: _measured("intent_rounds"),
    "environment": lambda: _measured("environment"),
    "sampling": _sampling,
    "end_to_end": _end_to_end,
    "mappo": lambda: _measured("mappo"),
    "optimum": _optimum,
    "curriculum_demo": _curriculum_demo,
    "curriculum": lambda: _measured("curriculum"),
    "search": lambda: _measured("search"),
    "study": _study,
    "monitoring": lambda: _measured("monitoring"),
}


def with_tables(text: str) -> str:
    """The document's text with each of its tables made anew."""
    pattern = r"(<!-- table (\w+): begin -->\n).*?(\n<!-- table \2: end -->)"
    return re.sub(pattern, lambda found: found[1] + TABLES[found[2]]() + found[3], text, flags=re.DOTALL)


def _take_over(name: str, run: Path) -> None:
    """Copies a run's scores to docs/results, with how long it trained, and where."""
    folder = RESULTS / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in SCORES[name]:
        shutil.copyfile(run / file, folder / file)
    trained: dict[str, Any] = {"machine": machine()["name"]}
    if (run / "metrics.jsonl").exists():
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        trained["training_s"] = lines[-1]["time/elapsed_s"]
        trained["events"] = [
            {"event": event, "iteration": line["iteration"], "elapsed_s": line["time/elapsed_s"]}
            for line in lines
            for event in line.get("events", ())
        ]
    (folder / "machine.json").write_text(json.dumps(trained, indent=2) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Takes over a run's scores if one is named, and rewrites the documents."""
    if arguments:
        _take_over(arguments[0], Path(arguments[1]))
    for document in DOCUMENTS:
        document.write_text(with_tables(document.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
