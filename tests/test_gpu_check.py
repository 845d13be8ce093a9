"""The check of a GPU, as far as a machine without one can run it: its answer there, its file, and the tests' bodies."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from packaging.requirements import Requirement

from benchmarks import gpu_check
from benchmarks.gpu_check import Check
from benchmarks.measure import rollout_gpu

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "gpu_check.py"
WITHOUT_GPU = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": str(ROOT)}
WITHOUT_RAY = """
import sys
class NoRay:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "ray":
            raise ModuleNotFoundError(f"{name} is not installed where a GPU is checked")
sys.meta_path.insert(0, NoRay())
"""
"""From here on Ray cannot be imported."""
JUNIT = """<testsuites><testsuite>
<testcase classname="tests.gpu.test_a" name="test_good" time="1.5">
<properties><property name="part rows found" value="8"/></properties></testcase>
<testcase classname="tests.gpu.test_a" name="test_bad" time="0.5">
<failure message="assert 1 == 2">lines</failure></testcase>
<testcase classname="tests.gpu.test_a" name="test_broken" time="0.1"><error message="no CUDA">lines</error></testcase>
<testcase classname="tests.gpu.test_b" name="test_left" time="0"><skipped message="one GPU">lines</skipped></testcase>
</testsuite></testsuites>"""


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=WITHOUT_GPU, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_check_script", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_script__without_a_gpu_says_so_and_installs_nothing(tmp_path: Path) -> None:
    places = ("--environment", str(tmp_path / "venv"), "--json", str(tmp_path / "gpu.json"))

    done = _run(sys.executable, "-S", "-I", str(SCRIPT), *places)  # -S -I: the standard library alone

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == ("error: gpu-check: NVIDIA's driver sees no GPU here; run it on a machine that has one\n")
    assert list(tmp_path.iterdir()) == []


def test_script__installs_all_that_the_package_requires_but_ray(script: ModuleType) -> None:
    wanted = {Requirement(line).name for line in script.requirements()}

    assert {"torch", "numba", "nvidia-ml-py", "pytest", "hypothesis"} <= wanted
    assert "ray" not in wanted


def test_check__without_a_gpu_says_what_torch_it_has(tmp_path: Path) -> None:
    done = _run(sys.executable, "-m", "benchmarks.gpu_check", "--json", str(tmp_path / "gpu.json"))

    assert done.returncode == 2
    assert done.stderr.startswith(f"error: gpu-check: torch {torch.__version__}, with ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_tests__of_a_gpu_are_collected_where_ray_is_not_installed() -> None:
    arguments = "['--collect-only', '-q', '-m', 'gpu', '-p', 'no:cacheprovider', 'tests/gpu']"
    check = "import benchmarks.gpu_check, benchmarks.measure.model_gpu, benchmarks.measure.rollout_gpu"

    done = _run(sys.executable, "-c", f"{WITHOUT_RAY}{check}\nimport pytest; sys.exit(pytest.main({arguments}))")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("tests/gpu/") >= 10


@pytest.mark.slow
def test_tests__of_a_gpu_pass_on_the_cpu_as_far_as_they_go() -> None:
    """So that a mistake in a test does not show first where a GPU is."""
    run = "import os, pytest; os.environ['RL_CLUSTER_TEST_DEVICE'] = 'cpu'"
    arguments = "['-q', '-n0', '-m', 'gpu', '-p', 'no:cacheprovider', 'tests/gpu']"

    done = _run(sys.executable, "-c", f"{WITHOUT_RAY}{run}\nsys.exit(pytest.main({arguments}))")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


def test_tests__are_read_with_their_figures_and_faults() -> None:
    good, bad, broken, left = gpu_check.read_tests(JUNIT)

    assert good == Check("tests.gpu.test_a::test_good", "passed", 1.5, "", {"part rows found": "8"})
    assert (bad.outcome, bad.message) == ("failed", "assert 1 == 2")
    assert (broken.outcome, broken.message) == ("failed", "no CUDA")
    assert (left.outcome, left.message) == ("skipped", "one GPU")


def test_benchmark__that_has_no_time_left_is_skipped() -> None:
    check, rows = gpu_check.run_benchmark("model_gpu", seconds=1.0)

    assert (check.outcome, rows) == ("skipped", [])
    assert check.message == "no time was left; run the check again"


def test_benchmark__that_compiles_is_skipped_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")

    check, rows = gpu_check.run_benchmark(gpu_check.COMPILING, seconds=300.0)

    assert (check.outcome, rows) == ("skipped", [])
    assert check.message.startswith("there is no C++ compiler 'no-such-compiler' on this machine; install g++")


@pytest.mark.skipif(torch.cuda.is_available(), reason="it would measure")
def test_benchmark__that_fails_has_no_rows() -> None:
    check, rows = gpu_check.run_benchmark("rollout_gpu", seconds=300.0)

    assert (check.name, check.outcome, check.message, rows) == ("rollout_gpu", "failed", "exit code 2", [])


@pytest.mark.parametrize("num_failed", [0, 2])
def test_report__holds_the_machine_the_figures_and_what_was_skipped(num_failed: int) -> None:
    good, *bad, left = gpu_check.read_tests(JUNIT)
    row = {"name": "4096 worlds", "ours": 2.0}

    data = json.loads(json.dumps(gpu_check.report([good, *bad[:num_failed], left], [row], seconds=12.34)))

    assert data["passed"] == (num_failed == 0)
    assert (data["seconds"], data["rows"]) == (12.3, [row])
    assert data["skipped"] == [{"name": "tests.gpu.test_b::test_left", "why": "one GPU"}]
    assert data["checks"][0]["figures"] == {"part rows found": "8"}
    assert {"name", "torch", "gpus", "cuda"} <= data["machine"].keys()


@pytest.mark.slow
def test_rollout_gpu__measures_any_device() -> None:
    """Rates of CUDA are not seen here."""
    assert min(rollout_gpu.rates(2, (torch.device("cpu"),) * 2, rounds=1, steps=1)) > 0.0
