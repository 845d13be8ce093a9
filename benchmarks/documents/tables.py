"""Puts tables into the documents: figures come from docs/results, feature columns from the lists that kernels write by.

    python -m benchmarks.documents.tables                       # from docs/results
    python -m benchmarks.documents.tables demo RUN              # first copies what `make demo` scored
    python -m benchmarks.documents.tables navigate RUN          # .. or the scores of a run of navigate_demo
    python -m benchmarks.documents.tables ladder RUN            # .. or the size ladder of RUN and other seeds
    python -m benchmarks.documents.tables study STUDY           # .. or the trials of a study
    python -m benchmarks.documents.tables curriculum_demo RUN   # .. or what a run of curriculum_demo decided, and when
    python -m benchmarks.documents.tables suites RUN            # .. or RUN/suites.json, of `evaluate --suite all`
    python -m benchmarks.documents.tables suite_seeds RUN..     # .. or those of runs with unlike seeds, in their order

A table stands between `<!-- table NAME: begin -->` and `<!-- table NAME: end -->`. `tests/test_documents.py` compares
each of them with what would be generated now.
"""

import json
import re
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.documents.demo import demo, demo_scenarios
from benchmarks.documents.demo_seeds import demo_seeds
from benchmarks.documents.feature_tables import attention_k, feature_table, objective
from benchmarks.documents.markdown import RESULTS, ROOT
from benchmarks.documents.measured import end_to_end, measured, optimum, sampling, stragglers, tradeoff
from benchmarks.documents.scaling import ray_limits, scaling, scaling_model
from benchmarks.documents.scores import curriculum_demo, ladder, navigate, quality, study
from benchmarks.documents.suites import SEED_SCORES, SUITE_SCORES, by_hand, keep_leads, keep_shown, suite_seeds, suites
from benchmarks.measure.expert_iteration import CPU_TIME
from benchmarks.report import machine
from rl_cluster.environment.tasks import TASKS
from rl_cluster.training.files.metrics_lines import read_metrics

__all__ = ["DOCUMENTS", "TABLES", "with_tables"]

DOCUMENTS = (
    ROOT / "README.md",
    ROOT / "docs" / "environments.md",
    ROOT / "docs" / "allocate.md",
    ROOT / "docs" / "navigate.md",
    ROOT / "docs" / "baselines.md",
    ROOT / "docs" / "model.md",
    ROOT / "docs" / "performance.md",
    ROOT / "docs" / "curriculum.md",
    ROOT / "docs" / "tuning.md",
    ROOT / "docs" / "monitoring.md",
    ROOT / "docs" / "planning.md",
    ROOT / "docs" / "suites.md",
    ROOT / "docs" / "first_hour.md",
)
SCORES = {
    "demo": ("generated.json", "scenarios.json"),
    "navigate": ("generated.json",),
    "ladder": ("generated.json", "ladder.json", "ladder.png"),
    "study": ("trials.json", "parallel_coordinates.png"),
    "curriculum_demo": ("timeline.png",),
    "suites": (SUITE_SCORES,),
}
"""Run or study -> the files in its folder that the documents show."""

MEASURED = (
    *("attention", "ablation", "intent_rounds", "environment", "mappo", "curriculum", "search", "monitoring"),
    *("planning", "expert_iteration", "compiled"),
)
"""Results that are shown as their rows alone."""
TABLES: dict[str, Callable[[], str]] = {
    "attention_k": attention_k,
    **{f"{name}_features": partial(feature_table, task.features) for name, task in TASKS.items()},
    "objective": objective,
    "demo": demo,
    "demo_scenarios": demo_scenarios,
    "demo_seeds": demo_seeds,
    "navigate": navigate,
    "ladder": ladder,
    "quality": quality,
    "curriculum_demo": curriculum_demo,
    "study": study,
    "suites": suites,
    "suite_seeds": suite_seeds,
    "by_hand": by_hand,
    "sampling": sampling,
    "end_to_end": end_to_end,
    "scaling": scaling,
    "scaling_model": scaling_model,
    "ray_limits": ray_limits,
    "optimum": optimum,
    "stragglers": stragglers,
    "tradeoff": tradeoff,
    **{name: partial(measured, name) for name in MEASURED},
}


def with_tables(text: str) -> str:
    """The text of a document with each of its tables generated again."""
    pattern = r"(<!-- table (\w+): begin -->\n).*?(\n<!-- table \2: end -->)"
    return re.sub(pattern, lambda found: found[1] + TABLES[found[2]]() + found[3], text, flags=re.DOTALL)


def _take_over(name: str, run: Path) -> None:
    """Copies a run's scores to docs/results, with how long it trained, and where."""
    folder = RESULTS / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in SCORES[name]:
        shutil.copyfile(run / file, folder / file)
    if name == "suites":
        keep_shown(folder / SUITE_SCORES)
    trained: dict[str, Any] = {"machine": machine()["name"]}
    if (run / "metrics.jsonl").exists():
        lines = list(read_metrics(run / "metrics.jsonl"))
        trained["training_s"] = lines[-1]["time/elapsed_s"]
        trained["events"] = [
            {"event": event.words, "iteration": line["iteration"], "elapsed_s": line["time/elapsed_s"]}
            for line in lines
            for event in line.get("events", ())
        ]
    if (run / CPU_TIME).exists():
        trained["training_s"] = json.loads((run / CPU_TIME).read_text(encoding="utf-8"))
    (folder / "machine.json").write_text(json.dumps(trained, indent=2) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Copies the scores of a run if one is named, and rewrites the documents."""
    if arguments and arguments[0] == "suite_seeds":
        keep_leads([Path(run) for run in arguments[1:]], RESULTS / "suites" / SEED_SCORES)
    elif arguments:
        _take_over(arguments[0], Path(arguments[1]))
    for document in DOCUMENTS:
        document.write_text(with_tables(document.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
