"""The picture of a curriculum: every event is in it, and it is a PNG."""

import json
from pathlib import Path

from matplotlib.image import imread

from rl_cluster.cli.views.timeline import save_timeline
from rl_cluster.config.load import load_config
from rl_cluster.schedulers.divergence import Divergence
from rl_cluster.schedulers.verdict import Verdict
from rl_cluster.training.events import Diverging, Event, LearningRates, StageChange, Told, event_to_json


def test_timeline__draws_a_run_with_a_fallback(tmp_path: Path) -> None:
    stages = [1] * 6 + [2] * 6 + [1] * 3 + [2] * 3
    lr = LearningRates(1e-4, 5e-5)
    events: dict[int, Event] = {
        6: StageChange(Verdict.ADVANCE, 1, 2, 0.81, 0.75, lr),
        12: StageChange(Verdict.FALLBACK, 2, 1, 0.41, 0.45, lr),
        15: Told("advance: stage 1 -> 2, $score \x1b 0.81 >= 0.75"),  # an older version's words, and no formula
    }
    others = [event_to_json(Diverging("diverging", Divergence("not finite")))]
    lines = [
        {
            "iteration": number,
            "curriculum/stage": float(stage),
            "curriculum/score": 0.5,
            "curriculum/bound": 0.75,
            **{f"curriculum/score_stage_{earlier}": 0.5 for earlier in range(1, stage + 1)},
            **({"events": [event_to_json(events[number]), *others]} if number in events else {}),
        }
        for number, stage in enumerate(stages, start=1)
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")

    (tmp_path / "config.yaml").touch()
    (tmp_path / "checkpoints").mkdir()

    for _ in range(2):  # a run that goes on draws it anew
        save_timeline(tmp_path / "metrics.jsonl", load_config("curriculum_demo").curriculum, tmp_path / "timeline.png")

    height, width, _ = imread(tmp_path / "timeline.png").shape
    assert (width, height) == (1080, 720)
