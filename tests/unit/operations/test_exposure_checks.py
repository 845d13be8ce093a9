"""What a Ray leaves open is told; who is a part of Ray is known by the whole command line."""

import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rl_cluster.operations.exposure_checks import check_exposure
from rl_cluster.operations.port_checks import check_ports
from rl_cluster.operations.ray_processes import RayProcess, is_ray

LONG = "/home/somebody/with/a/long/name/" + "deep/" * 30
PYTHON, PACKAGES = f"{LONG}.venv/bin/python", f"{LONG}.venv/lib/python3.11/site-packages"
SERVER = """
import socket
with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print(listener.getsockname()[1], flush=True)
    input()
"""


@pytest.mark.parametrize(
    "words",
    [
        [f"{PACKAGES}/ray/core/src/ray/gcs/gcs_server", "--log_dir=/tmp"],
        [f"{PACKAGES}/ray/core/src/ray/raylet/raylet", "--raylet_socket_name=/tmp"],
        [PYTHON, "-u", f"{PACKAGES}/ray/dashboard/dashboard.py", "--port=8265"],
        [PYTHON, "-u", f"{PACKAGES}/ray/dashboard/agent.py"],
        [PYTHON, "-u", f"{PACKAGES}/ray/autoscaler/_private/monitor.py"],
        [PYTHON, "-u", f"{PACKAGES}/ray/_private/log_monitor.py"],
        [PYTHON, "-m", "ray.util.client.server", "--port=10001"],
        ["ray::DashboardAgent"],
        ["ray::RuntimeEnvAgent", "", ""],
        ["ray-dashboard-JobHead-0 (python)"],
    ],
)
def test_ray__is_known_by_its_whole_command_line(words: list[str]) -> None:
    assert is_ray(words)


@pytest.mark.parametrize(
    "words", [[], [""], ["python", "-m", "http.server"], ["nginx: ray"], ["vim", "x-ray.md"], ["redis-server *:6379"]]
)
def test_ray__is_not_whatever_else_runs(words: list[str]) -> None:
    assert not is_ray(words)


def test_port__that_a_ray_with_a_long_path_holds_is_no_fault() -> None:
    command = [sys.executable, "-c", SERVER, f"{PACKAGES}/ray/dashboard/dashboard.py"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        (finding,) = check_ports([int(process.stdout.readline())])
        process.communicate("\n")

    assert finding.what.endswith("is held by the Ray that runs here")


def test_port__of_somebody_else_is_told_with_a_short_owner() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        (finding,) = check_ports([listener.getsockname()[1]])

    assert finding.verdict == "failed"
    assert len(finding.what) < 120


def test_exposure__ports_on_all_interfaces_are_told() -> None:
    processes = [
        RayProcess("gcs_server", (("::", 6379),), None),
        RayProcess("agent.py", (("0.0.0.0", 8080), ("127.0.0.1", 52365)), None),
    ]

    (finding,) = check_exposure(processes)

    assert finding.verdict == "warning"
    assert finding.what == "on all interfaces listen agent.py 8080, gcs_server 6379"
    assert "firewall" in finding.remedy
    assert check_exposure([RayProcess("raylet", (("127.0.0.1", 1),), None)])[0].verdict == "ok"
    assert check_exposure([])[0].what == "no Ray runs here"


def test_exposure__of_many_workers_is_still_a_line() -> None:
    workers = [RayProcess(f"ray::W{index % 50}", (("::", 20000 + index),), None) for index in range(5000)]

    (finding,) = check_exposure(workers)

    assert finding.what.endswith("ray::W17 (100 ports) and 40 more")
    assert len(finding.what) < 300


@pytest.mark.parametrize(
    ("above", "mode", "is_open"), [(0o755, 0o777, True), (0o700, 0o777, False), (0o755, 0o755, False)]
)
def test_exposure__folder_that_every_user_can_write_is_told(above: int, mode: int, is_open: bool) -> None:
    """Below /tmp: pytest's own folders let nobody in."""
    with tempfile.TemporaryDirectory(dir="/tmp") as top:
        folder = Path(top, "runtime_resources")
        folder.mkdir()
        folder.chmod(mode)
        Path(top).chmod(above)
        _, finding = check_exposure([RayProcess("raylet", (), Path(top))])

    assert finding.verdict == ("warning" if is_open else "ok")
    assert ("--temp-dir" in finding.remedy) == is_open
