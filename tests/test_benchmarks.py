"""What benchmarks report: rows beside a peer or a limit, and the machine that they were measured on."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.measure import ablation, intent_rounds, model_gpu, optimum, tradeoff
from benchmarks.measure.attention import Case, measure_alone, prepare, race
from benchmarks.measure.environment import exponent_rows, navigate_step
from benchmarks.measure.regression import Measurement, append, compare, read_history
from benchmarks.report import Row, machine, print_rows, write
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import graph_spec


def test_row__compares_with_a_peer() -> None:
    met = Row.of("fast", ours=30.0, peer=10.0, peer_name="peer", unit="steps/s", goal=3.0)
    missed = Row.of("slow", ours=29.0, peer=10.0, peer_name="peer", unit="steps/s", goal=3.0)
    without_goal = Row.of("odd", ours=1.0, peer=4.0, peer_name="peer", unit="steps/s")

    assert (met.ratio, met.met) == (3.0, True)
    assert (missed.ratio, missed.met) == (2.9, False)
    assert (without_goal.ratio, without_goal.met) == (0.25, None)


def test_row_of_cost__is_better_the_smaller_it_is() -> None:
    row = Row.of_cost("fast", ours=10.0, peer=35.0, peer_name="peer", unit="ms", goal=3.0)

    assert (row.ratio, row.met) == (3.5, True)


def test_row__must_not_exceed_a_limit() -> None:
    assert Row.at_most("share", 0.05, "", 0.05).met is True
    assert Row.at_most("share", 0.06, "", 0.05).met is False


def test_write__keeps_every_figure_and_the_machine(tmp_path: Path) -> None:
    row = Row.of("fast", ours=30.0, peer=10.0, peer_name="peer", unit="steps/s", goal=3.0)

    write(tmp_path / "rows.json", [row], num_episodes=7)

    data = json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))
    assert data["rows"] == [row._asdict()]
    assert data["num_episodes"] == 7
    assert data["machine"]["cores"] >= 1
    assert {"name", "cpu", "python", "numpy", "torch"} <= data["machine"].keys()


def test_print_rows__shows_name_figures_and_whether_the_goal_is_met(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows("title", [Row.of("slow", ours=29.0, peer=10.0, peer_name="peer", unit="steps/s", goal=3.0)])

    assert capsys.readouterr().out.split() == [
        *("title", "ours", "peer", "ratio", "goal", "met", "unit"),
        *("slow", "29", "10", "2.9", "3", "no", "steps/s"),
    ]


def test_exponent__is_the_slope_of_cost_over_team_size() -> None:
    """A cost per agent-step that grows with the square root of N has the exponent 1/2."""
    rows = [
        Row(f"vmas.simple_spread N={n} B=256", ours=1e6 / math.sqrt(n), unit="agent-steps/CPU-s")
        for n in (4, 8, 16, 64)
    ]

    (row,) = exponent_rows(rows)

    assert row.ours == pytest.approx(0.5)


def test_navigate_step__steps_all_worlds() -> None:
    observation, result, _ = navigate_step(num_uavs=3, num_worlds=2, num_zones=1)()

    assert observation.uav.shape[:2] == (2, 3)
    assert result.reward.shape == (2, 3)


@pytest.mark.slow
def test_attention_peers__see_the_same_graphs() -> None:
    """gather and sparse work out what dense does; sdpa and pyg know no distances, and differ."""
    outputs = {}
    for name in ("dense", "sparse", "gather", "sdpa", "pyg"):
        network, observation = prepare(Case(name, num_entities=16))
        outputs[name] = network(observation).value_BN

    for name in ("sparse", "gather"):
        torch.testing.assert_close(outputs[name], outputs["dense"], rtol=1e-5, atol=1e-5)
    for name in ("sdpa", "pyg"):
        assert not torch.allclose(outputs[name], outputs["dense"], atol=1e-3)


def test_attention_case__may_have_fewer_neighbours() -> None:
    observation = prepare(Case("dense", num_entities=64, k=3))[1]

    assert observation.neighbours.shape[-1] == 6
    assert (observation.neighbours[:, :32] >= 0).all()  # UAVs see UAVs and targets, targets only UAVs


@pytest.mark.slow
def test_attention__is_timed_and_its_memory_taken() -> None:
    case = Case("dense", num_entities=8)

    forward_ms, both_ms = race([case], rounds=1)[case]
    peak_mib, alone_ms = measure_alone(case, 1, {})

    assert 0.0 < forward_ms < both_ms
    assert peak_mib > 10.0
    assert alone_ms > 0.0


def test_regression__is_told_by_the_history_of_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    for speed in (90.0, 100.0, 130.0):
        append(path, [Measurement("sampling", speed, "rows/CPU-s"), Measurement("NCS", 0.5, "")], is_quick=False)
    append(path, [Measurement("sampling", 1.0, "rows/CPU-s")], is_quick=True)
    lines = path.read_text(encoding="utf-8").splitlines()
    elsewhere = json.loads(lines[0])
    elsewhere["machine"]["name"] = "another"
    path.write_text("\n".join([*lines, json.dumps(elsewhere)]) + "\n", encoding="utf-8")
    figures = [
        Measurement("sampling", 89.0, "rows/CPU-s"),
        Measurement("NCS", 0.5, ""),
        Measurement("new", 1.0, "rows/CPU-s"),
    ]

    trends = compare(figures, read_history(path), is_quick=False)

    assert [(trend.earlier, trend.num_earlier, trend.is_worse) for trend in trends] == [
        (100.0, 3, True),
        (0.5, 3, False),
        (None, 0, False),
    ]


@pytest.mark.parametrize(
    ("newest", "unit", "is_worse"),
    [(91.0, "rows/CPU-s", False), (89.0, "rows/CPU-s", True), (150.0, "rows/CPU-s", False), (101.0, "", True)],
)
def test_regression__of_a_speed_is_a_tenth_of_a_score_anything(newest: float, unit: str, is_worse: bool) -> None:
    history = [{"is_quick": True, "machine": machine(), "figures": {"figure": 100.0}}]

    (trend,) = compare([Measurement("figure", newest, unit)], history, is_quick=True)

    assert trend.is_worse is is_worse


def test_regression__without_a_history_has_nothing_to_compare_with(tmp_path: Path) -> None:
    assert read_history(tmp_path / "history.jsonl") == []


SMALL_NETWORK = ["model.width=16", "model.num_heads=2", "model.num_layers=1"]


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_model_gpu__measures_a_step_on_any_device(precision: str) -> None:
    """Times and rates of CUDA are not seen here: there is no GPU on the machines that run these tests."""
    case, device = model_gpu.Case(8, precision, "eager"), torch.device("cpu")

    cost = model_gpu.measure(case, device, num_graphs=2, rounds=1, settings=SMALL_NETWORK)
    double = model_gpu.measure(case, device, num_graphs=4, rounds=1, settings=SMALL_NETWORK)

    assert cost.time_ms > 0.0
    assert double.num_operations == pytest.approx(2.0 * cost.num_operations)
    network, observation = model_gpu.prepare(case, device, 2, SMALL_NETWORK)
    num_rows = observation.uav.shape[0] * observation.uav.shape[1]
    encoder = sum(layer.weight.numel() for layer in network.uav_encoder if isinstance(layer, torch.nn.Linear))
    assert cost.num_operations > 3 * 2 * num_rows * encoder  # forward, and backward twice


def test_model_gpu__rate_of_matrix_products() -> None:
    assert model_gpu.matmul_rate("bf16", torch.device("cpu"), rounds=1, square=64) > 1e6


@pytest.mark.skipif(torch.cuda.is_available(), reason="it would measure")
def test_model_gpu__refuses_a_machine_without_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["model_gpu"])

    with pytest.raises(SystemExit) as caught:
        model_gpu.main()

    assert caught.value.code == 2
    assert capsys.readouterr().err == (
        "error: benchmarks.measure.model_gpu: torch sees no GPU; run it on a machine that has one\n"
    )


def test_ablation__radial_bias_starts_as_ours_and_none_does_not(quick_demo: Config) -> None:
    _, observation = prepare(Case("dense", num_entities=16))
    settings = quick_demo.model.model_copy(update={"precision": "fp32"})
    outputs, radial = {}, None
    for bias in ablation.BIASES:
        torch.manual_seed(0)
        network = ablation.AblatedGNN(settings, graph_spec(quick_demo), bias)
        outputs[bias] = network(observation).value_BN
        radial = network

    torch.testing.assert_close(outputs["radial"], outputs["squared"])
    assert not torch.allclose(outputs["none"], outputs["squared"], atol=1e-3)
    assert radial is not None
    outputs["radial"].sum().backward()
    weights = [weight for name, weight in radial.named_parameters() if name.endswith("radial_H4")]
    assert len(weights) == quick_demo.model.num_layers
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in weights)


def test_intent_rounds__plays_teams_of_all_kinds_in_the_manner_asked_for(quick_demo: Config) -> None:
    manner = intent_rounds.Manner(rounds=4, interval_s=10.0, is_in_turn=True)

    played = [intent_rounds.settings(quick_demo, team, manner) for team in intent_rounds.TEAMS]

    assert [config.generator.num_uavs[1] for config in played] == [8, 64, 64]
    assert {config.world.intent_rounds for config in played} == {4}
    assert {config.world.decision_interval_s for config in played} == {10.0}
    assert {config.world.choose_in_turn for config in played} == {True}
    assert played[2].generator.spacing_m < played[1].generator.spacing_m


def test_hypervolume__is_the_area_that_the_places_dominate() -> None:
    """Two corners: 0.8 wide up to 0.5, then 0.6 wide up to 0.9. The third place is dominated."""
    places = [tradeoff.Place(0.6, 0.1), tradeoff.Place(0.8, 0.5), tradeoff.Place(0.5, 0.6)]

    assert tradeoff.hypervolume(places) == pytest.approx(0.8 * 0.5 + 0.6 * 0.4)
    assert tradeoff.hypervolume([]) == 0.0


def outcomes_of(satisfied: list[float], ncs: list[float]) -> optimum.Outcomes:
    return {
        optimum.SATISFIED: np.array(satisfied),
        optimum.NCS: np.array(ncs),
        "path_km_per_uav": np.ones(len(satisfied)),
    }


def test_optimum__tells_proved_instances_from_others() -> None:
    bounds = optimum.Bounds(np.array([1.0, 0.5, 0.8]), np.array([True, True, False]))

    rows = optimum.rows_of("greedy", outcomes_of([1.0, 0.4, 0.6], [0.9, 0.3, 0.2]), bounds)

    assert [row.name for row in rows] == [
        *("greedy: satisfied, proved", "greedy: NCS, proved"),
        *("greedy: satisfied, not proved", "greedy: NCS, not proved"),
    ]
    assert [row.ours for row in rows] == pytest.approx([0.7, 0.6, 0.6, 0.2])
    assert [row.peer for row in rows] == pytest.approx([0.75, 0.75, 0.8, 0.8])


def test_optimum__of_a_part_without_instances_has_rows_too() -> None:
    bounds = optimum.Bounds(np.array([1.0]), np.array([True]))

    rows = optimum.rows_of("greedy", outcomes_of([1.0], [0.5]), bounds)

    assert [(row.ours, row.peer, row.ratio) for row in rows[2:]] == [(0.0, 0.0, None)] * 2


def test_optimum__best_found_is_the_best_policy_of_each_instance() -> None:
    played = {"a": outcomes_of([1.0, 0.4], [0.2, 0.4]), "b": outcomes_of([0.9, 0.3], [0.8, 0.1])}

    best = optimum.best_of(played)

    assert best[optimum.NCS].tolist() == [0.8, 0.4]
    assert best[optimum.SATISFIED].tolist() == [1.0, 0.4]


def test_optimum__lists_the_rows_of_policies_that_are_named() -> None:
    assert optimum.row_names("demo argmax")[0] == "demo argmax: satisfied, proved"
    assert optimum.parse(["--checkpoint", "a", "--checkpoint", "b"]).checkpoint == [Path("a"), Path("b")]
    assert optimum.more_policies(optimum.parse([])) == []
