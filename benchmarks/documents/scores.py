"""Tables of scores: `navigate_demo`, the size ladder and a study; and of the decisions of a curriculum."""

from typing import Any

from benchmarks.documents.markdown import load, policy_label, table

__all__ = ["DEMO_METRICS", "curriculum_demo", "ladder", "lead", "navigate", "quality", "signed", "study"]

Metrics = dict[str, tuple[str, int]]
"""Metric -> its label, and the decimals that it is shown with. Results of versions without a metric show none."""
DEMO_METRICS: Metrics = {
    "satisfied_rate": ("satisfied rate", 3),
    "last_service_s": ("last service (s)", 0),
    "makespan_s": ("makespan (s)", 0),
    "timeout_rate": ("ran out of time", 3),
    "path_km_per_uav": ("km per UAV", 2),
    "efficiency_per_km": ("efficiency (targets/km)", 3),
    "normalized_completion_score": ("NCS", 3),
    "per_agent_reward": ("per-agent reward", 2),
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


def _columns(group: dict[str, Any]) -> list[str]:
    """The policies that are shown: all except the network's sampled play."""
    return [name for name in group["means"] if name != "policy sampled"]


def _means(group: dict[str, Any], metrics: Metrics) -> str:
    columns = _columns(group)
    body = [
        [label, *(f"{group['means'][name][metric]['mean']:.{decimals}f}" for name in columns)]
        for metric, (label, decimals) in metrics.items()
        if all(metric in group["means"][name] for name in columns)
    ]
    return table(["", *map(policy_label, columns)], body)


def _differences(group: dict[str, Any], metric: str, label: str) -> str:
    """A metric of each network minus each heuristic's, with its 95 % interval."""
    heuristics, body = list(group["differences"]["policy argmax"]), []
    for mode in group["differences"]:
        scores = [group["differences"][mode][name][metric] for name in heuristics]
        body.append([f"{label}, {mode} minus ..", *map(signed, scores)])
    return table(["", *map(policy_label, heuristics)], body)


def signed(score: dict[str, float]) -> str:
    """A difference and its interval, with signs."""
    return f"{score['mean']:+.3f} [{score['low']:+.3f}, {score['high']:+.3f}]"


def lead(scores: dict[str, Any], trained: dict[str, Any]) -> str:
    """What was played, and how the policy trained."""
    (group,), notes = scores["groups"], scores["policies"]
    taught = "It learnt from reward alone and imitated nothing."
    if any(note.endswith("search would choose") for note in notes):
        taught = "It learnt from reward, and imitated what a search would choose."
    return (
        f"{group['num_episodes']} generated episodes that were never trained on. The policy trained for "
        f"{trained['training_s'] / 60:.1f} minutes on {trained['machine']}. {taught}"
    )


def navigate() -> str:
    """What a run of `navigate_demo` scored."""
    scores = load("navigate", "generated.json")
    (group,) = scores["groups"]
    parts = [
        lead(scores, load("navigate", "machine.json")),
        _means(group, NAVIGATE_METRICS),
        _differences(group, "success_rate", "success rate"),
    ]
    return "\n\n".join(parts)


def ladder() -> str:
    """Every rung of both regimes, and the first seed's scores on generated episodes."""
    ladders = load("ladder", "ladder.json")["ladders"]
    trained = load("ladder", "machine.json")
    seeds, minutes = ladders[0]["num_networks"], trained["training_s"] / 60
    parts = [f"{seeds} training seeds, {minutes:.0f} minutes of CPU time each, {trained['machine']}."]
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
        parts += [f"NCS at {ladder['regime']}:", table([*head, "of each seed"], body)]
    return "\n\n".join(parts)


def _with_interval(numbers: dict[str, float]) -> str:
    return f"{numbers['mean']:.3f} [{numbers['low']:.3f}, {numbers['high']:.3f}]"


def quality() -> str:
    """The first seed of the ladder, compared with the heuristics."""
    (group,) = load("ladder", "generated.json")["groups"]
    lead = f"{group['num_episodes']} generated episodes that were never trained on, first seed:"
    differences = _differences(group, "normalized_completion_score", "NCS")
    return "\n\n".join([lead, _means(group, DEMO_METRICS), differences])


def curriculum_demo() -> str:
    """The messages of a run, with the iterations and seconds at which it printed them."""
    run = load("curriculum_demo", "machine.json")
    body = [[event["event"], str(event["iteration"]), f"{event['elapsed_s']:.0f}"] for event in run["events"]]
    return f"On {run['machine']}:\n\n" + table(["said", "iteration", "s"], body)


def study() -> str:
    """The trials of a study, and the scores of the best settings with other seeds."""
    result, machine_name = load("study", "trials.json"), load("study", "machine.json")["machine"]
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
        table(["trial, best first", *(f"`{key}`" for key in keys), "score", "rounds"], body),
        "With test seeds:",
        table(["settings", "score", "of each seed"], tests),
    ]
    return "\n\n".join(parts)


def _scores(test: dict[str, Any]) -> str:
    return " ".join(f"{score:.3f}" for score in test["seeds"].values())
