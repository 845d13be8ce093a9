"""Tables of the results of the scripts in `benchmarks/measure`."""

from typing import Any

from benchmarks.documents.markdown import load, number, policy_label, table

__all__ = ["end_to_end", "measured", "optimum", "sampling", "stragglers", "tradeoff"]


def measured(name: str) -> str:
    """A benchmark's rows: ours, the peer's, their ratio and the goal."""
    result = load(f"{name}.json")
    has_ranges = any(row.get("range") for row in result["rows"])
    body = [
        [
            row["name"],
            number(row["ours"]),
            number(row["peer"]),
            number(row["ratio"]),
            *([_range(row.get("range"))] if has_ranges else []),
            number(row["goal"]),
            {None: "", True: "yes", False: "no"}[row["met"]],
            row["unit"],
        ]
        for row in result["rows"]
    ]
    lead = f"`python -m benchmarks.measure.{name}` on {result['machine']['name']}:"
    ranges = ["of each round"] if has_ranges else []
    return lead + "\n\n" + table(["", "ours", "peer", "ratio", *ranges, "goal", "met", "unit"], body)


def _range(ends: list[float] | None) -> str:
    return f"{number(ends[0])} to {number(ends[1])}" if ends else ""


def end_to_end() -> str:
    """The rows, and the share of an update that two Learners spend in exchanges."""
    shares = [shape["exchange_share"] for shape in load("end_to_end.json")["scaling"].values()]
    taken = [100.0 * share for share in shares if share]
    note = f"Exchanges between two Learners took {min(taken):.0f} to {max(taken):.0f} % of their update."
    return measured("end_to_end") + "\n\n" + note


def sampling() -> str:
    """The rows, and the CPU time of Ray's daemons."""
    share = load("sampling.json")["daemon_share"]
    note = f"Ray's daemons took {share:.0%} of the CPU time of the remote runner; its rate does not include this."
    return measured("sampling") + "\n\n" + note


def stragglers() -> str:
    """The rows, and the interval of the difference of returns."""
    result = load("stragglers.json")
    low, high = result["interval"]
    seeds = len(result["returns"]["sync"])
    note = (
        f"The 95 % interval of the difference of returns over {seeds} seeds is [{low:+.3f}, {high:+.3f}]; returns with "
        f"sync were {min(result['returns']['sync']):.3f} to {max(result['returns']['sync']):.3f}."
    )
    return measured("stragglers") + "\n\n" + note


def optimum() -> str:
    """The means of each policy with its gap to the optimum; then, where they were measured apart, proved instances."""
    result = load("optimum.json")
    columns = {"satisfied_rate": "satisfied rate", "normalized_completion_score": "NCS", "path_km_per_uav": "km/UAV"}
    body = []
    for name, metrics in result["gaps"].items():
        gap = metrics["satisfied_rate"]
        interval = "" if name == "optimum" else f"{gap['gap']:+.3f} [{gap['low']:+.3f}, {gap['high']:+.3f}]"
        body.append([policy_label(name), *(f"{metrics[metric]['mean']:.3f}" for metric in columns), interval])
    # older results have no bound, but a row of the optimum beside it
    bound = result.get("bound") or next(row["peer"] for row in result["rows"] if row["peer_name"] == "solver's bound")
    lead = (
        f"`python -m benchmarks.measure.optimum` on {result['machine']['name']}: {result['num_episodes']} instances "
        f"with 2 to 6 UAVs and targets. No policy can exceed a satisfied rate of {bound:.3f}. In "
        f"{result['num_proven']} of them the optimum meets its instance's bound, which proves it."
    )
    parts = [lead, table(["", *columns.values(), "satisfied rate minus the optimum's"], body)]
    if "bound" in result:
        parts += _optimum_parts(result)
    return "\n\n".join(parts)


def _optimum_parts(result: dict[str, Any]) -> list[str]:
    """The rows, named `policy: metric, part`, as a table with a column for each metric and part."""
    means: dict[str, dict[str, str]] = {}
    for row in (*result["rows"], *result["more_rows"]):
        policy, column = row["name"].rsplit(": ", 1)
        means.setdefault(policy, {})[column] = f"{row['ours']:.3f}"
        means.setdefault("bound", {})[column] = f"{row['peer']:.3f}"
    means["bound"] = means.pop("bound")  # as the last row
    columns = list(means["bound"])
    lead = (
        "The same apart for instances whose optimum is proved, and for the others. NCS is at most the satisfied rate, "
        "so the bound holds for both; *best found* takes the best policy of each instance."
    )
    body = [[policy_label(policy), *(cells[column] for column in columns)] for policy, cells in means.items()]
    return [lead, table(["", *columns], body)]


def tradeoff() -> str:
    """What each preference reaches, and by how much it leads the reference heuristic; then the rows on all together."""
    result = load("tradeoff.json")
    columns = {"satisfied_rate": 3, "congestion": 3, "normalized_completion_score": 3, "makespan_s": 0}
    gaps, body = result["differences"], []
    for name, means in result["means"].items():
        leads = ["", "", ""]
        if name in gaps:
            leads = [_lead(gaps[name][metric], columns[metric]) for metric in columns if metric in gaps[name]]
        body.append(
            [policy_label(name), *(f"{means[metric]:.{places}f}" for metric, places in columns.items()), *leads]
        )
    head = ["", "served", "crowding", "NCS", "makespan (s)", "served", "NCS", "makespan (s)"]
    reference, (leading, area) = result["reference"], result["rows"][-2:]
    lead = (
        f"`python -m benchmarks.measure.tradeoff` on {result['machine']['name']}: {result['num_episodes']} episodes. "
        f"The last three columns are differences to {reference}, with 95 % intervals."
    )
    note = (
        f"{leading['ours']:.0f} of {leading['peer']:.0f} preferences lead {reference} in served share, NCS and "
        f"makespan at once, with intervals apart. The hypervolume of served share and 1 - crowding is "
        f"{area['ours']:.3f}, that of the {area['peer_name']} {area['peer']:.3f}."
    )
    return "\n\n".join([lead, table(head, body), note])


def _lead(gap: list[float], places: int) -> str:
    mean, low, high = gap
    return f"{mean:+.{places}f} [{low:+.{places}f}, {high:+.{places}f}]"
