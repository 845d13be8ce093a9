"""The command of a job, which runs this package with the Python of the cluster's own Ray.

Ray runs a job's command in a shell with the PATH of the user who started the head. Ray's environment need not be
activated there (`~/rl-cluster/bin/ray start`); then `python` is a different one, or missing. The job's parent is Ray's
node process, whose command line says which Python starts workers: the script looks there.
"""

import shlex
from collections.abc import Sequence

__all__ = ["SCRIPT", "SCRIPT_NAME", "entrypoint"]

SCRIPT_NAME = "run.sh"
"""The script's name in the job's working directory, beside the settings."""

SCRIPT = r"""# Runs rl_cluster with the Python that this node's Ray starts workers with, else with the first on PATH.
process=$PPID
while [ "${process:-0}" -gt 1 ]; do
    python=$(tr '\0' '\n' 2>/dev/null <"/proc/$process/cmdline" |
        sed -n 's|^--python_worker_command="*\([^"]*[^" ]\)"* [^ ]*/setup_worker\.py .*|\1|p')
    [ -x "$python" ] && exec "$python" -m rl_cluster "$@"
    process=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$process/status" 2>/dev/null)
done
if python -c 'import ray' 2>/dev/null; then
    exec python -m rl_cluster "$@"
fi
echo "error: job: there is no Python with Ray on the PATH; activate Ray's environment before ray start" >&2
exit 2
"""


def entrypoint(words: Sequence[str]) -> str:
    """The job's command, which runs `rl_cluster` with these words."""
    return shlex.join(["exec", "sh", SCRIPT_NAME, *words])
