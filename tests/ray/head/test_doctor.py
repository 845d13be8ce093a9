"""`doctor` names each fault that is put in, and passes where there is none."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ray.real_head import REPOSITORY, Head

DOCTOR = [sys.executable, "-m", "rl_cluster", "doctor"]
OTHER_VERSION = """
import sys
import rl_cluster
rl_cluster.__version__ = "0.0.9"
from rl_cluster.cli import main
main(sys.argv[1:])
"""


class Patient:
    """What doctor is asked to examine, healthy until a test changes it."""

    def __init__(self, head: Head, storage: Path, port: str) -> None:
        self.head, self.address, self.storage, self.ports = head, f"127.0.0.1:{head.port}", storage, port
        self.environment = dict(head.environment)
        self.command = DOCTOR
        self.further: list[str] = []

    def examine(self, report: Path) -> tuple[int, list[dict[str, str]], str]:
        """Exit code, findings, and what is printed."""
        command = [
            *self.command, "--address", self.address, "--storage", str(self.storage), "--ports", self.ports,
            "--json", str(report), *self.further,
        ]  # fmt: skip
        answer = subprocess.run(
            command, cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, check=False, timeout=100
        )
        assert answer.stderr == ""
        return answer.returncode, json.loads(report.read_text())["findings"], answer.stdout


@pytest.fixture
def patient(head: Head, tmp_path: Path, free_ports: Callable[[int], list[str]]) -> Patient:
    storage = tmp_path / "storage"
    storage.mkdir()
    return Patient(head, storage, free_ports(1)[0])


def _failed(findings: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(finding["check"], finding["what"]) for finding in findings if finding["verdict"] == "failed"]


def test_doctor__passes_a_healthy_cluster(patient: Patient, tmp_path: Path) -> None:
    token = Path(patient.environment["RAY_AUTH_TOKEN_PATH"])
    token.chmod(0o600)
    patient.ports = ",".join(patient.head.ports)
    exit_code, findings, shown = patient.examine(tmp_path / "report.json")

    assert _failed(findings) == []
    assert exit_code == 0
    assert shown.count("is held by the Ray that runs here") == len(patient.head.ports) == 4
    wide = next(finding["what"] for finding in findings if finding["check"] == "network")
    assert re.search(rf"gcs_server (?:\d+/)*{patient.head.port}\b", wide)  # beside those of other heads here
    assert "ray::DashboardAgent" in wide
    of_nodes = {finding["check"] for finding in findings if finding["node"] != "here"}
    assert {"storage", "agent", "shared memory", "open files"} <= of_nodes
    assert "takes our token" in shown
    assert list(patient.storage.iterdir()) == []


@pytest.fixture
def taken_port() -> Iterator[str]:
    """Of this process, which is no Ray."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield str(server.getsockname()[1])


def test_doctor__names_a_taken_port(patient: Patient, tmp_path: Path, taken_port: str) -> None:
    patient.ports = taken_port
    exit_code, findings, _ = patient.examine(tmp_path / "report.json")

    ((check, what),) = _failed(findings)
    assert (check, exit_code) == ("port", 1)
    assert what.startswith(f"{taken_port} is taken by ")


@pytest.mark.parametrize(
    ("fault", "check", "words"),
    [
        ("wrong token", "address", "the head asks for another token"),
        ("loose token file", "token", "can be read by others (mode 0644)"),
        ("other version", "address", "it has rl_cluster"),
        ("full disk", "storage", "GiB free, less than"),
        ("missing storage", "storage", "is no folder"),
    ],
)
def test_doctor__names_a_fault(patient: Patient, tmp_path: Path, fault: str, check: str, words: str) -> None:
    token = tmp_path / "token"
    token.write_text(
        "another" if fault == "wrong token" else Path(patient.environment["RAY_AUTH_TOKEN_PATH"]).read_text()
    )
    token.chmod(0o644 if fault == "loose token file" else 0o600)
    patient.environment["RAY_AUTH_TOKEN_PATH"] = str(token)
    if fault == "other version":
        patient.command = [sys.executable, "-c", OTHER_VERSION, "doctor"]
    if fault == "full disk":
        patient.further = ["--min-free-gib", "1e9"]
    if fault == "missing storage":
        patient.storage = tmp_path / "not mounted"
    exit_code, findings, shown = patient.examine(tmp_path / "report.json")

    ((found, what),) = _failed(findings)
    assert (found, exit_code) == (check, 1)
    assert words in what
    assert "failed" in shown
