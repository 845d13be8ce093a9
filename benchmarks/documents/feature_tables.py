"""Tables of what an observation is made of, for the documents: feature columns, and attention's k with its slots."""

from rl_cluster.environment.shared.columns import FeatureColumn, FeatureRow, FeatureRows
from rl_cluster.environment.shared.nearest import SMALL_TEAM_K, UAVS_PER_NEIGHBOUR
from rl_cluster.environment.tasks import TASKS
from rl_cluster.types import MAX_NEIGHBOURS, MIN_NEIGHBOURS

__all__ = ["attention_k", "feature_table", "objective"]


def feature_table(rows: FeatureRows) -> str:
    """The columns of a task's rows, in order."""
    parts = [
        f"`{name}`, F = {_width(row)}:\n\n" + _text_table(["column", "scale", "what"], _body(row))
        for name, row in rows._asdict().items()
        if row.columns
    ]
    return "\n\n".join(parts)


def _text_table(head: list[str], body: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *body])


def _width(row: FeatureRow) -> str:
    return " + ".join([*([f"{len(row.blocks)} R"] if row.blocks else []), str(len(row.columns))])


def _body(row: FeatureRow) -> list[list[str]]:
    def cells(column: FeatureColumn, mark: str) -> list[str]:
        return [f"`{column.name.lower()}`{mark}", column.scale, column.meaning]

    return [*(cells(block, ", R") for block in row.blocks), *(cells(column, "") for column in row.columns)]


def attention_k() -> str:
    """The formulas of k, and which slots hold whom."""
    low, high = SMALL_TEAM_K, MAX_NEIGHBOURS
    formulas = (
        f"k = min(max({low}, ceil(N / {UAVS_PER_NEIGHBOUR})), {high}), N = UAVs of the episode. In training k varies "
        f"per episode: with probability `k_wide_share` it is uniform in [{low}, {high}], else k + "
        f"U{{-`k_jitter`..`k_jitter`}} clipped to [{MIN_NEIGHBOURS}, {high}]. A row has W slots, in this order:"
    )
    body = [[kind, f"min({high}, {count})"] for kind, count in (("UAVs", "N"), ("targets", "M"), ("zones", "O"))]
    return formulas + "\n\n" + _text_table(["neighbours", "slots"], body)


def objective() -> str:
    """The terms of every task's objective, with their default weights."""
    lines = ["| task | term | weight | more is better |", "| --- | --- | ---: | --- |"]
    for task in TASKS.values():
        for name, term in task.planning.objective.items():
            lines.append(f"| `{task.name}` | `{name}` | {term.weight:g} | {term.text} |")
    return "\n".join(lines)
