"""Who runs where: the plan's numbers, and what it refuses."""

import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.errors import ClusterError
from rl_cluster.rllib.placement.plan import NodeResources, make_plan

LAPTOP = [NodeResources(cpus=2.0)]


def make_config(*overrides: str) -> Config:
    return load_config("debug", ["ppo.minibatch_rows=1", *overrides])


@pytest.mark.parametrize("num_env_runners", [0, 1, 2, 5])
@pytest.mark.parametrize("num_learners", [0, 1])
def test_plan__numbers_multiply_out(num_env_runners: int, num_learners: int) -> None:
    config = make_config(
        f"sampling.num_env_runners={num_env_runners}",
        *(["sampling.cpus_per_runner=0.25"] if num_env_runners else []),
        "sampling.worlds_per_runner=6",
        "sampling.fragment_steps=7",
        f"learners.num_learners={num_learners}",
        "learners.cpus_per_learner=0.5",
    )

    plan = make_plan(config, LAPTOP)

    assert plan.num_cpus == num_env_runners * 0.25 + num_learners * 0.5
    assert plan.fragment_rows == 6 * 7
    assert plan.train_batch_rows == max(1, num_env_runners) * plan.fragment_rows == config.train_batch_rows


@pytest.mark.parametrize("preset", ["quick_demo", "debug"])
@pytest.mark.parametrize("num_env_runners", [1, 2])
def test_plan__presets_fit_a_laptop_of_two_cores(preset: str, num_env_runners: int) -> None:
    config = load_config(preset, [f"sampling.num_env_runners={num_env_runners}"])

    assert make_plan(config, LAPTOP).num_cpus <= 2.0


def test_plan__nothing_remote_fits_anywhere() -> None:
    plan = make_plan(make_config("sampling.num_env_runners=0", "learners.num_learners=0"), [])

    assert (plan.num_cpus, plan.num_gpus) == (0, 0)


def test_plan__shares_that_add_up_fit_exactly() -> None:
    config = make_config("sampling.num_env_runners=20", "sampling.cpus_per_runner=0.1")

    assert make_plan(config, LAPTOP).num_env_runners == 20


def test_plan__refuses_more_cpus_than_there_are() -> None:
    config = make_config("sampling.num_env_runners=6", "sampling.cpus_per_runner=0.5")

    with pytest.raises(ClusterError) as caught:
        make_plan(config, LAPTOP)

    # 2 CPUs / 6 runners = 0.333...: in hundredths 0.33; 2 CPUs hold 4 runners of 0.5.
    assert str(caught.value) == (
        "cluster: needed 3.0 CPUs, available 2; set sampling.cpus_per_runner=0.33 or sampling.num_env_runners=4, "
        "or add nodes"
    )


def test_plan__its_remedies_work() -> None:
    overrides = ["sampling.num_env_runners=6", "sampling.cpus_per_runner=0.5", "learners.num_learners=1"]
    with pytest.raises(ClusterError, match=r"needed 4.0 CPUs, available 2") as caught:
        make_plan(make_config(*overrides), LAPTOP)
    remedies = [word.rstrip(",") for word in caught.value.remedy.split() if "=" in word]

    assert len(remedies) == 2
    for remedy in remedies:
        make_plan(make_config(*overrides, remedy), LAPTOP)


def test_plan__an_actor_is_not_split_over_nodes() -> None:
    config = make_config("sampling.num_env_runners=2", "sampling.cpus_per_runner=3")

    with pytest.raises(ClusterError, match=r"needed 6.0 CPUs, available 6 in pieces that hold 1 env runners of 3 CPUs"):
        make_plan(config, [NodeResources(4.0), NodeResources(2.0)])
    assert make_plan(config, [NodeResources(3.0), NodeResources(3.0)]).num_env_runners == 2


def test_plan__learner_takes_the_node_that_costs_least_room() -> None:
    config = make_config("sampling.num_env_runners=2", "sampling.cpus_per_runner=2", "learners.num_learners=1")

    assert make_plan(config, [NodeResources(4.0), NodeResources(1.0)]).num_learners == 1
    with pytest.raises(ClusterError, match=r"needed 5.0 CPUs, available 4"):
        make_plan(config, [NodeResources(4.0)])


def test_plan__learner_needs_its_gpu_on_one_node() -> None:
    config = make_config("learners.num_learners=1", "learners.gpus_per_learner=1")

    with pytest.raises(ClusterError, match=r"needed 1 GPUs on one node, available 0.5; .*gpus_per_learner=0"):
        make_plan(config, [NodeResources(8.0, gpus=0.5), NodeResources(8.0, gpus=0.5)])
    assert make_plan(config, [NodeResources(8.0), NodeResources(8.0, gpus=1.0)]).num_gpus == 1.0


def test_plan__learner_needs_its_cpus_on_one_node() -> None:
    config = make_config("learners.num_learners=1", "learners.cpus_per_learner=4")

    with pytest.raises(ClusterError, match=r"the Learner needed 4 CPUs on one node, available 2; .*cpus_per_learner=2"):
        make_plan(config, [NodeResources(2.0), NodeResources(2.0)])


def test_plan__learners_share_the_nodes() -> None:
    config = make_config("learners.num_learners=3", "learners.gpus_per_learner=1", "sampling.num_env_runners=4")
    nodes = [NodeResources(4.0, gpus=2.0), NodeResources(3.0, gpus=1.0), NodeResources(8.0)]

    assert make_plan(config, nodes).num_gpus == 3.0
    with pytest.raises(
        ClusterError, match=r"3 Learners needed 1 CPUs and 1 GPUs each, .* hold 2; set .*num_learners=2"
    ):
        make_plan(config, [nodes[0], nodes[2]])


@pytest.mark.parametrize("overrides", [("learners.num_learners=1",), ("sampling.num_env_runners=1",)])
def test_plan__refuses_an_empty_cluster(overrides: tuple[str, ...]) -> None:
    with pytest.raises(ClusterError, match=r"available 0"):
        make_plan(make_config(*overrides), [])


def test_plan__runners_share_gpus() -> None:
    config = make_config("sampling.num_env_runners=8", "sampling.cpus_per_runner=1", "sampling.gpus_per_runner=0.25")
    nodes = [NodeResources(8.0, gpus=1.0), NodeResources(8.0, gpus=1.0)]

    assert make_plan(config, nodes).num_gpus == 2.0
    with pytest.raises(ClusterError, match=r"cluster: needed 2 GPUs, available 1; set sampling.num_env_runners=4 or a"):
        make_plan(config, [NodeResources(16.0, gpus=1.0)])


def test_plan__names_the_nodes_that_leave_room_for_the_runners() -> None:
    overrides = ["learners.num_learners=2", "learners.cpus_per_learner=3", "sampling.cpus_per_runner=4"]
    nodes = [NodeResources(4.0, node_id="a"), NodeResources(3.0, node_id="b"), NodeResources(3.5, node_id="c")]

    assert make_plan(make_config(*overrides, "sampling.num_env_runners=1"), nodes).learner_nodes == ("b", "c")
    with pytest.raises(ClusterError, match=r"needed 14.0 CPUs, available 12; set .* or sampling.num_env_runners=1"):
        make_plan(make_config(*overrides, "sampling.num_env_runners=2"), [*nodes[:2], NodeResources(5.0, node_id="d")])
