"""Tables of `benchmarks/measure/scaling.py`: what was measured, what a model says, and what Ray was tried with."""

from typing import Any

from benchmarks.documents.markdown import load, number, table
from benchmarks.documents.measured import measured

__all__ = ["cost_tables", "limits_table", "model_table", "ray_limits", "scaling", "scaling_model"]

ENVELOPE = "https://github.com/ray-project/ray/blob/master/release/benchmarks/README.md"
PARTS = ("sampling", "trainer", "broadcast", "fetch", "update", "all_reduce")


def scaling() -> str:
    """The rows, and the trainer's part."""
    return "\n\n".join([measured("scaling"), *cost_tables(load("scaling.json"))])


def scaling_model() -> str:
    """The assumptions of the model, and the seconds that it gives."""
    return "\n\n".join(model_table(load("scaling.json")))


def ray_limits() -> str:
    """What Ray has been tried with, beside what the modelled clusters need."""
    return limits_table(load("scaling.json"))


def cost_tables(result: dict[str, Any]) -> list[str]:
    """The trainer's part by number of env runners and by size of fragments, and how to read it."""
    by_runners, by_size = result["by_runners"], result["by_size"]
    columns = ["CPU ms an iteration", "CPU ms a runner", "KiB a runner"]
    first = f"fragments of {_megabytes(by_runners[0]['fragment_bytes'])}"
    numbers = [[f"{cost['num_runners']} env runners", *_cells(cost), _fitted(result, cost)] for cost in by_runners]
    sizes = [[_megabytes(cost["fragment_bytes"]), *_cells(cost)] for cost in by_size]
    fitted = [cost["num_runners"] for cost in by_runners]
    note = (
        f"{result['num_nodes']} fake nodes. The line is fitted to {_listed(fitted[:-1])} env runners, and predicts "
        f"{fitted[-1]}. While the trainer waits, Ray's threads in its process take {result['background']:.1%} of a "
        "core; the share of an iteration includes this."
    )
    return [
        table([first, *columns, "CPU ms by the line"], numbers),
        table([f"{by_size[0]['num_runners']} env runners, fragments of", *columns], sizes),
        note,
    ]


def _cells(cost: dict[str, Any]) -> list[str]:
    num_runners, cpu_ms = cost["num_runners"], 1e3 * cost["cpu_s"]
    return [number(cpu_ms), number(cpu_ms / num_runners), number(cost["num_bytes"] / 1024 / num_runners)]


def _fitted(result: dict[str, Any], cost: dict[str, Any]) -> str:
    line = result["steering"]
    return number(1e3 * (line["fixed_s"] + cost["num_runners"] * line["message_s"]))


def _megabytes(num_bytes: float) -> str:
    return f"{num_bytes / 1e6:.2g} MB"


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"


def model_table(result: dict[str, Any]) -> list[str]:
    """The assumptions of the model, and the seconds that it gives."""
    assumed = result["assumed"]
    lead = (
        "A model, not a measurement. The trainer's part is the fitted line. The other terms assume "
        f"{assumed['sampling_s']:g} s of sampling, {assumed['update_s']:g} s of a Learner for each fragment of "
        f"{_megabytes(assumed['fragment_bytes'])}, weights of {_megabytes(assumed['weights_bytes'])}, "
        f"{assumed['num_exchanges']} exchanges of gradients in a ring, {assumed['runners_per_node']} env runners a "
        f"node, links of {8e-9 * assumed['link_bytes_per_s']:g} Gbit/s and {1e6 * assumed['latency_s']:g} µs, and "
        "broadcasts as fast as in Ray's own release test. Seconds:"
    )
    body = []
    for row in result["modelled"]:
        total = sum(row[part] for part in PARTS)
        seconds = [f"{row[part]:.2f}" for part in PARTS]
        body.append(
            [f"{row['num_runners']:,} env runners, {row['num_learners']} Learners", *seconds, f"{total:.1f}",
             f"{row['trainer'] / total:.1%}"]
        )  # fmt: skip
    head = ["model", *(part.replace("_", "-") for part in PARTS), "iteration", "trainer's share"]
    return [lead, table(head, body)]


def limits_table(result: dict[str, Any]) -> str:
    """What Ray's developers try in each release, beside what the modelled clusters need."""
    assumed = result["assumed"]
    sizes = (64, 256, 1024)
    nodes = [-(-size // assumed["runners_per_node"]) for size in sizes]
    weights = _megabytes(assumed["weights_bytes"])
    body = [
        ["nodes", "250+", *(f"{count}" for count in nodes)],
        ["actors: env runners, 64 Learners, a monitor a node", "10,000+",
         *(f"{size + 64 + count:,}" for size, count in zip(sizes, nodes, strict=True))],
        ["objects in one `ray.get` or `ray.wait`", "10,000+", *(f"{size:,}" for size in sizes)],
        ["broadcast", "1 GiB to 50+ nodes", *(f"{weights} to {count}" for count in nodes)],
    ]  # fmt: skip
    head = ["", f"[tried by Ray]({ENVELOPE})", *(f"{size:,} env runners" for size in sizes)]
    return table(head, body)
