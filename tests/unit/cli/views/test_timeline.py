"""The picture of a curriculum: every event is in it, and it is a PNG."""

import json
from pathlib import Path

from matplotlib.image import imread

from rl_cluster.cli.views.timeline import save_timeline
from rl_cluster.config.load import load_config


def test_timeline__draws_a_run_with_a_fallback(tmp_path: Path) -> None:
    stages = [1] * 6 + [2] * 6 + [1] * 3 + [2] * 3
    events = {6: "advance: stage 1 -> 2, score 0.81 >= 0.75", 12: "fallback: stage 2 -> 1, score 0.41 < 0.45"}
    lines = [
        {
            "iteration": number,
            "curriculum/stage": float(stage),
            "curriculum/score": 0.5,
            "curriculum/bound": 0.75,
            **{f"curriculum/score_stage_{earlier}": 0.5 for earlier in range(1, stage + 1)},
            **({"events": [events[number], "diverging: returns swing"]} if number in events else {}),
        }
        for number, stage in enumerate(stages, start=1)
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))

    (tmp_path / "config.yaml").touch()
    (tmp_path / "checkpoints").mkdir()

    for _ in range(2):  # a run that goes on draws it anew
        save_timeline(tmp_path / "metrics.jsonl", load_config("curriculum_demo").curriculum, tmp_path / "timeline.png")

    height, width, _ = imread(tmp_path / "timeline.png").shape
    assert (width, height) == (1080, 720)
