"""What operators copy is valid by the tools that read it, names the pinned Ray, and opens nothing to the world.

Nothing here starts a machine, a container or a pod: `docs/clusters.md` says what was run, and what was only checked.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from tests.ray.kuberay_schema import KINDS

REPOSITORY = Path(__file__).parents[2]
CONFIGS, DOCKER = REPOSITORY / "cluster_configs", REPOSITORY / "docker"
LAUNCHERS = ("local", "on_premise", "aws")
PODS = ("raycluster", "rayjob")
GRACE_S = 120
"""What a stopped run may take to save itself."""


def _pinned(package: str) -> str:
    found = re.search(rf"^{package}==(\S+)$", (REPOSITORY / "constraints.txt").read_text(), re.MULTILINE)
    assert found
    return found[1]


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _tool(name: str, *arguments: str) -> None:
    path = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    assert path, f"{name} comes with the extra dev"
    answer = subprocess.run([path, *arguments], capture_output=True, text=True, check=False, timeout=100)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("name", LAUNCHERS)
def test_launcher__is_valid_for_ray(name: str) -> None:
    config = _load(CONFIGS / f"{name}.yaml")

    validate_config(prepare_config(config))
    with pytest.raises(Exception, match="max_worker"):
        validate_config(prepare_config(config | {"max_worker": 2}))


def test_launcher__of_a_cloud_starts_small_and_lets_in_one_address() -> None:
    config = _load(CONFIGS / "aws.yaml")
    kinds = config["available_node_types"]

    assert config["head_node_type"] in kinds
    assert kinds[config["head_node_type"]]["resources"] == {"CPU": 0, "GPU": 0}
    assert sum(kind["min_workers"] for kind in kinds.values()) == 0
    assert sum(kind["max_workers"] for kind in kinds.values()) == config["max_workers"]
    ranges = [ip["CidrIp"] for rule in config["provider"]["security_group"]["IpPermissions"] for ip in rule["IpRanges"]]
    assert ranges
    assert all(block.endswith("/32") for block in ranges)
    assert config["docker"]["image"].startswith(f"rayproject/ray:{_pinned('ray')}-py311-")


@pytest.mark.parametrize("path", [path for path in CONFIGS.rglob("*") if path.is_file()], ids=lambda path: path.name)
def test_configs__keep_the_dashboard_at_home_and_secrets_out_of_the_environment(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert "0.0.0.0" not in text
    assert "RAY_AUTH_TOKEN=" not in text
    assert "ray stop" not in "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    assert set(re.findall(r"torch==(\S+)", text)) <= {_pinned("torch")}
    if "ray start --head" in text:
        assert "--dashboard-host=127.0.0.1" in text
        assert "RAY_AUTH_MODE=token" in text


def _cluster_spec(name: str) -> Any:
    spec = _load(CONFIGS / "kuberay" / f"{name}.yaml")["spec"]
    return spec.get("rayClusterSpec", spec)


@pytest.mark.parametrize("name", PODS)
def test_pods__have_the_pinned_ray_a_token_and_time_to_save(name: str) -> None:
    spec = _cluster_spec(name)

    assert _load(CONFIGS / "kuberay" / f"{name}.yaml")["apiVersion"] == "ray.io/v1"
    assert spec["rayVersion"] == _pinned("ray")
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["terminationGracePeriodSeconds"] > GRACE_S
        assert container["resources"]["limits"] == container["resources"]["requests"]
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    with_gpus = [group for group in spec["workerGroupSpecs"] if "nvidia.com/gpu" in str(group["template"])]
    assert [group["groupName"] for group in with_gpus] == ["learners"]
    assert all(group["minReplicas"] <= group["replicas"] <= group["maxReplicas"] for group in spec["workerGroupSpecs"])


@pytest.mark.parametrize("name", PODS)
def test_pods__are_valid_for_kubernetes(name: str) -> None:
    spec = _cluster_spec(name)
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, **group["template"]}
        kubernetes_validate.validate(pod, "1.31", strict=True)
        pod["spec"]["containers"][0]["volumeMount"] = []
        with pytest.raises(kubernetes_validate.ValidationError, match="volumeMount"):
            kubernetes_validate.validate(pod, "1.31", strict=True)


@pytest.mark.parametrize("name", PODS)
def test_kuberay__knows_every_field_around_the_pods(name: str) -> None:
    config = _load(CONFIGS / "kuberay" / f"{name}.yaml")
    schema = KINDS[config["kind"]]

    jsonschema.validate(config, schema)
    for spoilt in (
        config | {"apiVersion": "ray.io/v1alpha1"},
        config | {"spec": config["spec"] | {"rayVersoin": "2.60.0"}},
        config | {"spec": config["spec"] | {"suspend": "yes"}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(spoilt, schema)


def test_sbatch__is_clean_for_shellcheck() -> None:
    _tool("shellcheck", str(CONFIGS / "slurm" / "train.sbatch"))


def test_image__is_clean_for_hadolint_and_runs_as_nobody_special() -> None:
    _tool("hadolint", str(DOCKER / "Dockerfile"))
    lines = (DOCKER / "Dockerfile").read_text(encoding="utf-8").splitlines()

    bases = {line.split()[1] for line in lines if line.startswith("FROM ")}
    assert bases == {f"rayproject/ray:{_pinned('ray')}-py311-cu128"}
    assert "USER 1000:100" in lines


def test_compose__is_valid_and_publishes_on_loopback_alone() -> None:
    _tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(DOCKER / "compose.yaml"))
    compose = _load(DOCKER / "compose.yaml")

    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    for name in ("head", "worker"):
        service = compose["services"][name]
        assert service["secrets"] == ["token"]
        assert service["environment"]["RAY_AUTH_TOKEN_PATH"] == "/run/secrets/token"
        assert int(service["stop_grace_period"].removesuffix("s")) > GRACE_S
        assert service["shm_size"] == "8gb"
