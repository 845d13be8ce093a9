"""Tables of suites: what each of them tests, who is best at it, and the scenarios that were written by hand."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.documents.markdown import load, policy_label, table
from rl_cluster.environment.scenario.scenario_file import load_scenario
from rl_cluster.evaluation.suite import EVERY_SUITE, find_suites
from rl_cluster.evaluation.suite_episodes import HAND_MADE_SCENARIOS

__all__ = ["SEED_SCORES", "SUITE_SCORES", "by_hand", "keep_leads", "keep_shown", "suite_seeds", "suites"]

SUITE_SCORES = "suites.json"
"""What `evaluate --suite` has written into a run's folder, and its name in `docs/results/suites`."""

SEED_SCORES = "seeds.json"
"""Its leads over the best heuristics for several training seeds."""

SHOWN_BY_HAND = ("complete-first", "cbba", "greedy")
UPPER, LOWER = "normalized_completion_score", "satisfied_rate"


KEPT = {UPPER, LOWER, "value_rate", "makespan_s", "path_km_per_uav"}
"""Metrics that are kept in the repository, of all that `evaluate --suite` writes."""


def keep_shown(file: Path) -> None:
    """Rewrites the scores with the kept metrics alone: a repository is no place for large files."""
    scores = json.loads(file.read_text(encoding="utf-8"))
    for suite in scores["suites"]:
        suite["means"] = {name: _kept(metrics) for name, metrics in suite["means"].items()}
        for part in ("differences", "episodes_by_name"):
            suite[part] = {
                name: {other: _kept(metrics) for other, metrics in others.items()}
                for name, others in suite[part].items()
            }
    file.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")


def keep_leads(runs: Sequence[Path], file: Path) -> None:
    """Writes the lead of each run's network over the best heuristic of each suite, by the suite's objective.

    Args:
        runs: Runs that differ in their seed alone; each has what `evaluate RUN --suite all` wrote.
        file: The file to write.
    """
    leads: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        for suite in json.loads((run / SUITE_SCORES).read_text(encoding="utf-8"))["suites"]:
            (name,) = (name for name in _networks(suite) if name.endswith("argmax"))
            lead = suite["differences"][name][suite["best_heuristic"]][suite["objective"]]
            leads.setdefault(f"{suite['name']} v{suite['version']}", []).append(lead)
    file.write_text(json.dumps(leads, indent=1) + "\n", encoding="utf-8")


def suite_seeds() -> str:
    """Objective minus the best heuristic's in each suite, without a search, for each training seed."""
    leads = load("suites", SEED_SCORES)
    seeds = range(len(next(iter(leads.values()))))
    body = [[title, *map(_interval, each)] for title, each in leads.items()]
    return table(["suite", *(f"seed {seed}" for seed in seeds)], body)


def _kept(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if name in KEPT}


def suites() -> str:
    """What every suite tests, and scores: of its best heuristic, and of the networks that played, if any did."""
    scores, machine = load("suites", "suites.json"), load("suites", "machine.json")["machine"]
    played = {f"{suite['name']} v{suite['version']}": suite for suite in scores["suites"]}
    meanings = [[suite.title, suite.what] for suite in find_suites([EVERY_SUITE])]
    listed = "\n".join(
        "| " + " | ".join(cells) + " |" for cells in [["suite", "what it tests"], ["---"] * 2, *meanings]
    )
    return "\n\n".join([listed, *map(str, scores["policies"]), f"Scores, on {machine}:", _scores(played)])


def _scores(played: dict[str, dict[str, Any]]) -> str:
    networks = _networks(next(iter(played.values())))
    head = ["suite", "episodes", "best heuristic", "its objective", "its NCS", "its satisfied rate"]
    for name in networks:
        head += [f"{policy_label(name)}: NCS", "satisfied rate", "objective minus the best heuristic's"]
    body = []
    for title, suite in played.items():
        best, objective = suite["best_heuristic"], suite["objective"]
        reached = f"{objective.replace('_', ' ')}: {suite['means'][best][objective]['mean']:.3f}"
        cells = [title, str(suite["num_episodes"]), policy_label(best), reached, *_means(suite, best)]
        for name in networks:
            cells += [*_means(suite, name), _interval(suite["differences"][name][best][objective])]
        body.append(cells)
    return table(head, body)


def _networks(suite: dict[str, Any]) -> list[str]:
    return [name for name in suite["means"] if name not in suite["heuristics"]]


def _means(suite: dict[str, Any], name: str) -> list[str]:
    return [f"{suite['means'][name][metric]['mean']:.3f}" for metric in (UPPER, LOWER)]


def _interval(lead: dict[str, float]) -> str:
    return f"{lead['mean']:+.3f} [{lead['low']:+.3f}, {lead['high']:+.3f}]"


def by_hand() -> str:
    """What each scenario written by hand asks (its file's first comment), its sizes, and NCS / satisfied rate in it."""
    (suite,) = (suite for suite in load("suites", "suites.json")["suites"] if suite["name"] == "by_hand")
    shown = [*_networks(suite), *SHOWN_BY_HAND]
    body = []
    for path in HAND_MADE_SCENARIOS.values():
        num_uavs, num_targets, num_zones, *_ = load_scenario(path).sizes
        question = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        episode = suite["episodes_by_name"][path.stem]
        cells = [" / ".join(f"{episode[name][metric]:.2f}" for metric in (UPPER, LOWER)) for name in shown]
        body.append([f"{path.stem}: {question}", str(num_uavs), str(num_targets), str(num_zones), *cells])
    return table(["scenario", "UAVs", "targets", "zones", *map(policy_label, shown)], body)
