"""Rules that join settings are held for each part of a mixture, and say which one breaks them."""

import pytest

from rl_cluster.config.limits import worlds_gib
from rl_cluster.config.load import load_config
from rl_cluster.errors import ConfigError

PLAIN = "{name: plain, weight: 1.0}"


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("{name: b}", r"generator\.mixture\.1\.weight: is missing; give a finite number"),
        ("{name: b, weight: 0}", r"generator\.mixture\.1\.weight: got 0; give a finite number at least 0\.001"),
        ("{name: Bad, weight: 1.0}", r"generator\.mixture\.1\.name: got \"Bad\"; give text that matches"),
        ("{name: plain, weight: 1.0}", r"generator\.mixture\.1\.name=plain is used twice; give each part its own"),
        ("{name: b, weight: 1.0, num_uavs: [0, 2]}", r"generator\.mixture\.1\.num_uavs\.0: got 0; give a whole number"),
        ("{name: b, weight: 1.0, num_uavs: [3, 2]}", r"generator\.mixture\.1: num_uavs=\[3, 2\] has its low end above"),
        ("{name: b, weight: 1.0, speed_share: [1.1, 2.0]}", r"generator\.mixture\.1: speed_share must hold 1\.0"),
        ("{name: b, weight: 1.0, uav: 2}", r"generator\.mixture\.1\.uav: unknown key; "),
        ("{name: b, weight: 1.0, coalition: both}", r"generator\.mixture\.1\.coalition: got \"both\"; give one of sum"),
        ("{name: b, weight: 1.0, mixture: []}", r"generator\.mixture\.1\.mixture: unknown key; "),
        (
            "{name: b, weight: 1.0, num_resources: 3}",
            r"generator\.mixture\.1\.num_resources=3 is above generator\.num_resources=2, .*; raise that one",
        ),
        # 1500 m * .5 * sqrt(4 / 2) / 3
        (
            "{name: b, weight: 1.0, spacing_factor: [0.5, 2.0]}",
            r"generator\.mixture\.1: .* smallest placement cell of 354 m; make the obstacles smaller or fewer",
        ),
        (
            "{name: b, weight: 1.0, cruise_mps: [20.0, 1000.0]}",
            r"generator\.mixture\.1: world\.capture_radius_m=100\.0 is below the turn radius of 550 m",
        ),
        (
            "{name: b, weight: 1.0, decision_interval_s: 7.5}",
            r"generator\.mixture\.1: world\.decision_interval_s=7\.5 is not 1 to 10000 times substep_s=1\.0; choose",
        ),
        (
            "{name: b, weight: 1.0, capture_radius_m: 50.0}",
            r"generator\.mixture\.1: world\.capture_radius_m=50\.0 is below the turn radius of 82 m",
        ),
        (
            "{name: b, weight: 1.0, cruise_mps: [0.01, 20.0], speed_share: [1.0, 1.0]}",
            r"generator\.mixture\.1: an episode of .* flight steps of 1 s, more than 1000000; lower world",
        ),
    ],
)
def test_part__that_cannot_be_played_is_refused_by_its_place(part: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config("quick_demo", [f"generator.mixture=[{PLAIN}, {part}]"])


def test_curriculum__has_stages_instead_of_parts() -> None:
    with pytest.raises(ConfigError, match=r"both say from what an episode is drawn; set curriculum=null, or generator"):
        load_config("curriculum_demo", [f"generator.mixture=[{PLAIN}]"])


def test_memory__is_that_of_the_largest_part() -> None:
    few, many = (
        worlds_gib(load_config("quick_demo", [f"generator.mixture=[{PLAIN}, {{name: b, weight: 1.0, {size}}}]"]))
        for size in ("num_uavs: [2, 4]", "num_uavs: [2, 64], num_targets: [2, 64]")
    )

    assert few == pytest.approx(worlds_gib(load_config("quick_demo")))
    assert many == pytest.approx(worlds_gib(load_config("quick_demo", [
        "generator.num_uavs=[2, 64]", "generator.num_targets=[2, 64]",
    ])))  # fmt: skip
    everybody = "{name: b, weight: 1.0, num_uavs: [2, 4096], num_targets: [2, 4096]}"
    with pytest.raises(ConfigError, match="GiB"):
        load_config("quick_demo", [f"generator.mixture=[{PLAIN}, {everybody}]", "sampling.worlds_per_runner=65536"])
