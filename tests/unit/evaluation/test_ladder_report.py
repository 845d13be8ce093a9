"""What a person sees of a ladder, and what a program reads of it."""

import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from rl_cluster.environment.tasks import TASKS
from rl_cluster.errors import ConfigError
from rl_cluster.evaluation.intervals import bootstrap_interval
from rl_cluster.evaluation.ladder import Ladder, Rung
from rl_cluster.evaluation.ladder_report import check_plot, ladder_table, ladder_title, save_plot, to_dict

EPISODES = np.linspace(0.0, 0.1, 40)


def _rung(num_uavs: int, share: float) -> Rung:
    headline = np.stack([EPISODES + 0.2 + 0.4 * share, EPISODES + 0.2, EPISODES + 0.6], axis=1)
    return Rung(num_uavs, headline, headline[:, :1], bootstrap_interval(EPISODES))


LADDER = Ladder(
    "fixed area",
    TASKS["allocate"].headline,
    "complete-first",
    8,
    (_rung(8, 0.8), _rung(1024, 0.3)),
    without_room=(2048,),
)


def test_table__shows_every_rung_within_eighty_columns() -> None:
    text = io.StringIO()

    Console(file=text, width=80).print(ladder_table(LADDER))

    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    small, _, large, below, note = lines[2:]
    assert small.split() == ["8", "0.570", "0.250", "0.650", "0.050", "0.80", "1.00"]
    assert large.split() == ["1024", "0.370", "0.250", "0.650", "0.050", "0.30", "!0.37"]
    assert below.split()[0] == "40"
    assert note.strip() == "! transfer below 0.5"


def test_title__says_what_is_scored_and_what_has_no_room() -> None:
    assert ladder_title(LADDER) == "NCS at fixed area, trained on up to 8 UAVs; no room for 2048 UAVs"


def test_dict__holds_every_figure() -> None:
    (ladder,) = json.loads(json.dumps(to_dict([LADDER])))["ladders"]

    assert (ladder["regime"], ladder["trained_on"], ladder["without_room"]) == ("fixed area", 8, [2048])
    rung = ladder["rungs"][1]
    assert (rung["num_uavs"], rung["num_episodes"], rung["is_failure"]) == (1024, 40, True)
    assert rung["means"]["complete-first"]["mean"] == pytest.approx(0.65)
    assert rung["score"]["mean"] == pytest.approx(0.3)
    assert rung["transfer"]["mean"] == pytest.approx(0.375)


def test_dict__has_null_for_what_is_not_defined() -> None:
    nothing = LADDER.rungs[1]._replace(headline=np.zeros((4, 3)), of_each=np.zeros((4, 1)))

    data = to_dict([dataclasses.replace(LADDER, rungs=(LADDER.rungs[0], nothing))])

    rung = data["ladders"][0]["rungs"][1]
    assert rung["transfer"] == {"mean": None, "low": None, "high": None}
    assert rung["transfer_of_each"] == [None]


@pytest.mark.parametrize(("suffix", "begins"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_plot__is_of_the_kind_that_its_name_says(suffix: str, begins: bytes, tmp_path: Path) -> None:
    save_plot([LADDER, LADDER], tmp_path / f"ladder{suffix}")

    assert (tmp_path / f"ladder{suffix}").read_bytes().startswith(begins)
    assert len(list(tmp_path.iterdir())) == 1


def test_plot__by_another_name_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"ladder\.jpeg: is no name of a plot; name it \*\.png, \*\.svg, \*\.pdf"):
        check_plot(Path("ladder.jpeg"))
