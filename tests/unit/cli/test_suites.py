"""`evaluate --suite`: one table of all suites, the same in JSON, and what it refuses before it plays."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rl_cluster.evaluation.suite import SUITES


def test_list_suites__says_what_each_tests(
    capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    assert exit_code("evaluate", "--list-suites") == 0

    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[1:] if not line.startswith(" ")] == list(SUITES)


def test_suite__scores_heuristics_on_all_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    scores = tmp_path / "scores.json"
    policies = ("--policy", "greedy", "--policy", "complete-first")

    assert exit_code("evaluate", "--suite", "all", *policies, "--episodes", "2", "--json", str(scores)) == 0

    printed = capsys.readouterr().out.splitlines()
    suites = json.loads(scores.read_text(encoding="utf-8"))["suites"]
    assert [suite["name"] for suite in suites] == list(SUITES)
    assert max(map(len, printed)) <= 80
    assert len(printed) <= 2 * len(SUITES) + 4
    assert all(any(line.startswith(f"{name} v") for line in printed) for name in SUITES)


def test_suite__the_scores_are_the_same_every_time(tmp_path: Path, exit_code: Callable[..., object]) -> None:
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file in files:
        exit_code("evaluate", "--suite", "equal_uavs", "--policy", "random", "--episodes", "3", "--json", str(file))

    assert files[0].read_bytes() == files[1].read_bytes()


def test_suite__writes_json_to_standard_output_alone(
    capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    assert exit_code("evaluate", "--suite", "sync", "--policy", "greedy", "--episodes", "1", "--json", "-") == 0

    printed = capsys.readouterr()
    assert json.loads(printed.out)["suites"][0]["name"] == "sync"
    assert "sync v1" in printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--suite", "synk"), "--suite: synk is no suite; choose all or some of appearing, "),
        (("--suite", "sync", "--suite", "sync"), "--suite: sync is named twice; name each suite once"),
        (("--suite", "sync", "--preset", "quick_demo"), "--suite: takes CHECKPOINTs, --policy, --prefer, --epi"),
        (("--suite", "sync", "--scenario", "small.yaml"), "--suite: takes CHECKPOINTs"),
        (("--suite", "sync", "--seed", "3"), "--suite: takes CHECKPOINTs"),
        (("--suite", "sync", "--trace", "trace.jsonl"), "--suite: takes CHECKPOINTs"),
        (("--suite", "sync", "--ladder", "8"), "--suite: takes CHECKPOINTs"),
        (
            ("--suite", "sync", "--policy", "gredy"),
            "gredy is not a heuristic of task allocate; did you mean greedy? Or choose from random",
        ),
        (("--list-suites", "--suite", "sync"), "--list-suites: plays nothing, and takes no other arguments; omit"),
        (("no-such-run", "--suite", "sync"), "no-such-run: does not exist; name a run folder or a checkpoint folder"),
    ],
)
def test_suite__refuses(arguments: tuple[str, ...], message: str, error_line: Callable[..., str]) -> None:
    assert message in error_line("evaluate", *arguments)
