"""Puts the table that `make demo` printed into README.md: figures in documents are generated, never typed.

    python -m benchmarks.readme runs/demo-20260101-120000

copies the run's scores to docs/results/ and rewrites the README between its markers. `tests/test_readme.py` holds the
README against docs/results/.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

__all__ = ["RESULTS", "readme_with_table"]

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
RESULTS = ROOT / "docs" / "results"
BEGIN, END = "<!-- demo table: begin -->", "<!-- demo table: end -->"
ROWS = {
    "normalized_completion_score": ("NCS", 3),
    "satisfied_rate": ("satisfied rate", 3),
    "per_agent_reward": ("per-agent reward", 2),
    "efficiency_per_km": ("efficiency (targets/km)", 3),
    "makespan_s": ("makespan (s)", 0),
    "timeout_rate": ("ran out of time", 3),
}
COLUMNS = {
    "policy argmax": "policy",
    "random": "random",
    "greedy": "greedy",
    "hungarian": "Hungarian",
    "commitment-aware": "commitment-aware",
    "complete-first": "complete-first",
}


def _table(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *body]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _means(group: dict[str, Any]) -> str:
    body = [
        [label, *(f"{group['means'][name][metric]['mean']:.{decimals}f}" for name in COLUMNS)]
        for metric, (label, decimals) in ROWS.items()
    ]
    return _table(["", *COLUMNS.values()], body)


def _differences(group: dict[str, Any]) -> str:
    """NCS of argmax and sampled play minus each heuristic's, with its 95 % interval."""
    body = []
    for mode in ("policy argmax", "policy sampled"):
        cells = []
        for name in list(COLUMNS)[1:]:
            ncs = group["differences"][mode][name]["normalized_completion_score"]
            cells.append(f"{ncs['mean']:+.3f} [{ncs['low']:+.3f}, {ncs['high']:+.3f}]")
        body.append([f"NCS, {mode} minus ..", *cells])
    return _table(["", *list(COLUMNS.values())[1:]], body)


def _scenarios(groups: list[dict[str, Any]]) -> str:
    body = [
        [
            Path(group["title"].split()[-1]).stem,
            *(f"{group['means'][name]['normalized_completion_score']['mean']:.3f}" for name in COLUMNS),
        ]
        for group in groups
    ]
    return _table(["NCS on scenario", *COLUMNS.values()], body)


def readme_with_table(readme: str, results: Path) -> str:
    """The README's text with the tables of `results`/{generated,scenarios,machine}.json between its markers."""
    generated, scenarios, machine = (
        json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("generated", "scenarios", "machine")
    )
    (group,) = generated["groups"]
    minutes = machine["training_s"] / 60
    lead = (
        f"{group['num_episodes']} generated episodes that were never trained on; trained in {minutes:.1f} minutes "
        f"on {machine['machine']}. {machine['warm_up']}"
    )
    text = "\n\n".join([lead, _means(group), _differences(group), _scenarios(scenarios["groups"])])
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def _machine(run: Path) -> dict[str, Any]:
    """What the run says of its length, and the processor it ran on."""
    last = json.loads((run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    cpu_info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in cpu_info if line.startswith("model name")]
    return {
        "training_s": last["time/elapsed_s"],
        "machine": f"{len(models)} cores of an {models[0]}, no GPU",
        "warm_up": "It learnt from reward alone: nothing was imitated.",
    }


def main(run: Path) -> None:
    """Takes over a demo run's scores, and rewrites the README."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in ("generated", "scenarios"):
        shutil.copyfile(run / f"{name}.json", RESULTS / f"{name}.json")
    (RESULTS / "machine.json").write_text(json.dumps(_machine(run), indent=2) + "\n", encoding="utf-8")
    README.write_text(readme_with_table(README.read_text(encoding="utf-8"), RESULTS), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
