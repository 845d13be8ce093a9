"""What operators copy is valid by the tools that read it, names the pinned Ray, and opens nothing to the world.

Nothing here starts a machine, a container or a pod: `docs/clusters.md` says what was run, and what was only checked.
"""

import os
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

import rl_cluster
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
    if "ray start --head" in text:
        assert "--dashboard-host=127.0.0.1" in text
        assert "RAY_AUTH_MODE=token" in text


def _assert_confined(pod: Any) -> None:
    """As Kubernetes' own standard "restricted" asks, and with a root that cannot be written."""
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["image"] == f"rl-cluster:{rl_cluster.__version__}"
    written = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert "/tmp" in written


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
        _assert_confined(pod)
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


def test_policy__is_valid_and_meets_every_pod() -> None:
    policy = _load(CONFIGS / "kuberay" / "networkpolicy.yaml")
    labels = policy["spec"]["podSelector"]["matchLabels"]

    kubernetes_validate.validate(policy, "1.31", strict=True)
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert all(rule["from"] for rule in policy["spec"]["ingress"])
    job = _load(CONFIGS / "kuberay" / "rayjob.yaml")["spec"]["submitterPodTemplate"]
    _assert_confined(job["spec"])
    kubernetes_validate.validate({"apiVersion": "v1", "kind": "Pod", **job}, "1.31", strict=True)
    templates = [job]
    for name in PODS:
        spec = _cluster_spec(name)
        templates += [group["template"] for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])]
    assert len(templates) == 7
    for template in templates:
        assert labels.items() <= template["metadata"]["labels"].items()


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


FAKES = {
    "srun": 'case "$*" in *hostname*) echo 127.0.0.1 ;; *) exec sleep 60 ;; esac',
    "scontrol": "echo node1",
    "ray": "exit 0",
    "rl-cluster": """echo "$@" >>"$LOG"
trap 'exit 143' TERM
[ -e "$LOG.stopped" ] && exit 0
touch "$LOG.stopped"
kill -TERM "$PPID"
while :; do sleep 0.1; done""",
}
"""SLURM's programs, Ray's, and ours, whose first run SLURM stops."""


def test_sbatch__starts_a_requeued_run_by_the_same_words_and_hands_its_end_on(tmp_path: Path) -> None:
    programs = tmp_path / "venv" / "bin"
    programs.mkdir(parents=True)
    for name, script in FAKES.items():
        (programs / name).write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
        (programs / name).chmod(0o700)
    variables = {"SLURM_JOB_ID": "17", "SLURM_JOB_NODELIST": "node1", "SLURM_JOB_NUM_NODES": "1"}
    environment = {**variables, "PATH": os.environ["PATH"], "VENV": str(programs.parent), "LOG": str(tmp_path / "log")}
    command = ["bash", str(CONFIGS / "slurm" / "train.sbatch"), "multi_node", "--resume-or-start", "/shared/a b"]

    codes = [
        subprocess.run(command, cwd=tmp_path, env=environment, check=False, timeout=60).returncode for _ in range(2)
    ]

    assert codes == [143, 0]
    first, second = (tmp_path / "log").read_text().splitlines()
    assert first == second == "train multi_node --resume-or-start /shared/a b --address 127.0.0.1:20017"


def test_schedulers__begin_and_go_on_by_one_command() -> None:
    """What SLURM or KubeRay starts again must not be refused because its run folder is there already."""
    rayjob = _load(CONFIGS / "kuberay" / "rayjob.yaml")["spec"]
    sbatch = (CONFIGS / "slurm" / "train.sbatch").read_text(encoding="utf-8")
    clusters = (REPOSITORY / "docs" / "clusters.md").read_text(encoding="utf-8")
    commands = [rayjob["entrypoint"], *re.findall(r"^.*sbatch --nodes.*$", sbatch + clusters, re.MULTILINE)]

    assert rayjob["backoffLimit"] > 0
    assert len(commands) == 3
    for command in commands:
        assert "--resume-or-start" in command
        assert "--out" not in command


def test_image__is_clean_for_hadolint_pinned_and_runs_as_nobody_special() -> None:
    _tool("hadolint", str(DOCKER / "Dockerfile"))
    lines = (DOCKER / "Dockerfile").read_text(encoding="utf-8").splitlines()

    bases = {line.split()[1] for line in lines if line.startswith("FROM ")}
    assert bases == {f"rayproject/ray:{_pinned('ray')}-py311-cu128@${{RAY_DIGEST}}", "environment"}
    assert "ARG RAY_DIGEST" in lines  # without a default: a build that names no digest fails
    assert [line for line in lines if line.startswith("USER ")][-1] == "USER 1000:100"
    assert "!docker/requirements.txt" in (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()


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


def test_compose__confines_every_service_and_has_no_default_password() -> None:
    compose = _load(DOCKER / "compose.yaml")

    for name, service in compose["services"].items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        image = service["image"]
        assert image == f"rl-cluster:{rl_cluster.__version__}" or re.search(r"@\$\{\w+_DIGEST:\?[^}]+\}$", image), name
    password = compose["services"]["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"]
    assert re.fullmatch(r"\$\{GRAFANA_PASSWORD:\?[^}]+\}", password)
    ignored = (REPOSITORY / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"docker/.env", "docker/token", "docker/monitoring/"} <= set(ignored)


def test_volumes__belong_to_the_user_that_writes_to_them() -> None:
    """A fresh named volume takes the owner of the image's folder under it, and root's if there is none."""
    compose, text = _load(DOCKER / "compose.yaml"), (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    made = re.search(r"^RUN install --directory --owner=1000 --group=100 (.+)$", text, re.MULTILINE)

    assert made
    for name in ("head", "worker"):
        service = compose["services"][name]
        assert service["user"] == "1000:100"
        places = {volume.rpartition(":")[2] for volume in service["volumes"]}
        assert places == set(made[1].split()) == {"/ray", "/runs"}
