"""JSON Schema of what stands around the pods in KubeRay's RayCluster and RayJob (ray.io/v1).

Names and types are those of KubeRay's API reference (docs/reference/api.md of ray-project/kuberay, and the fields that
release 1.7.0 added: authOptions, tlsOptions, networkPolicy). Pods are Kubernetes' own, and are held against its schema.
"""

from typing import Any

__all__ = ["KINDS"]

TEXT, NUMBER, COUNT, FLAG, MAPPING = (
    {"type": "string"}, {"type": "number"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}, {"type": "object"},
)  # fmt: skip
WORDS = {"type": "object", "additionalProperties": {"type": "string"}}


def _object(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    """An object that has these properties and no others."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


GROUP = {"template": MAPPING, "rayStartParams": WORDS, "resources": WORDS, "labels": WORDS}
HEAD = _object(("template",), **GROUP, headService=MAPPING, enableIngress=FLAG, serviceType=TEXT)
WORKER = _object(
    ("groupName", "template", "minReplicas", "maxReplicas"),
    **GROUP,
    groupName=TEXT,
    replicas=COUNT,
    minReplicas=COUNT,
    maxReplicas=COUNT,
    numOfHosts=COUNT,
    idleTimeoutSeconds=COUNT,
    suspend=FLAG,
    priority=COUNT,
    scaleStrategy=MAPPING,
)
AUTOSCALER = _object(
    (),
    resources=MAPPING,
    image=TEXT,
    imagePullPolicy=TEXT,
    securityContext=MAPPING,
    idleTimeoutSeconds=COUNT,
    upscalingMode={"enum": ["Default", "Aggressive", "Conservative"]},
    version={"enum": ["v1", "v2"]},
    env={"type": "array"},
    envFrom={"type": "array"},
    volumeMounts={"type": "array"},
)
CLUSTER = _object(
    ("headGroupSpec",),
    rayVersion=TEXT,
    headGroupSpec=HEAD,
    workerGroupSpecs={"type": "array", "items": WORKER},
    authOptions=_object(("mode",), mode={"enum": ["disabled", "token"]}),
    enableInTreeAutoscaling=FLAG,
    autoscalerOptions=AUTOSCALER,
    gcsFaultToleranceOptions=MAPPING,
    headServiceAnnotations=WORDS,
    managedBy=TEXT,
    suspend=FLAG,
    networkPolicy=MAPPING,
    tlsOptions=MAPPING,
    upgradeStrategy=MAPPING,
)
JOB = _object(
    (),
    entrypoint=TEXT,
    rayClusterSpec=CLUSTER,
    submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"]},
    shutdownAfterJobFinishes=FLAG,
    ttlSecondsAfterFinished=COUNT,
    activeDeadlineSeconds=COUNT,
    preRunningDeadlineSeconds=COUNT,
    backoffLimit=COUNT,
    runtimeEnvYAML=TEXT,
    jobId=TEXT,
    metadata=WORDS,
    clusterSelector=WORDS,
    submitterPodTemplate=MAPPING,
    submitterConfig=MAPPING,
    entrypointNumCpus=NUMBER,
    entrypointNumGpus=NUMBER,
    entrypointResources=TEXT,
    deletionStrategy=MAPPING,
    managedBy=TEXT,
    suspend=FLAG,
)
KINDS = {
    kind: _object(
        ("apiVersion", "kind", "metadata", "spec"),
        apiVersion={"const": "ray.io/v1"}, kind={"const": kind}, metadata=MAPPING, spec=spec,
    )
    for kind, spec in {"RayCluster": CLUSTER, "RayJob": JOB}.items()
}  # fmt: skip
"""Kind -> schema of the whole file."""
