"""What every test may ask for: the settings of the shipped demo, and settings of a run that takes a second."""

import gc
import os
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import hypothesis
import pytest

from rl_cluster.cli import main
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from tests.object_store import ObjectStore

TINY = (
    "engine=local",
    "generator.num_uavs=[2, 3]",
    "model.width=8",
    "model.num_heads=2",
    "model.precision=fp32",
    "sampling.worlds_per_runner=2",
    "sampling.fragment_steps=4",
    "ppo.minibatch_rows=4",
    "training.iterations=2",
    "training.evaluate_every=0",
    "training.evaluation_episodes=2",
)

# As `main` does: read when torch is first imported. Two threads on two busy cores were ten times slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# The same examples everywhere, however slow the machine is.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.register_profile("few", hypothesis.settings.get_profile("repeatable"), max_examples=20)
hypothesis.settings.load_profile("repeatable")


def pytest_collection_finish() -> None:
    """What has been imported stays. The collections of garbage that come before measurements need not visit it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def quick_demo() -> Config:
    """The preset that `make demo` trains."""
    return load_config("quick_demo")


@pytest.fixture(scope="session")
def tiny() -> Config:
    """Two worlds of up to three UAVs, a network of width 8."""
    return load_config("debug", [*TINY, "generator.num_targets=[2, 3]"])


@pytest.fixture(scope="session")
def tiny_navigate() -> Config:
    """The same of task `navigate`; episodes last at most 18 steps."""
    sizes = ["generator.num_obstacles=[0, 2]", "generator.spacing_m=150.0", "generator.obstacle_radius_m=[8.0, 14.0]"]
    settings = ["world.time_limit_sides=0.7", "sampling.num_env_runners=0"]
    return load_config("navigate_demo", [*TINY, *sizes, *settings])


@pytest.fixture(params=["allocate", "navigate"])
def tiny_of_task(request: pytest.FixtureRequest, tiny: Config, tiny_navigate: Config) -> Config:
    """One after the other."""
    return {"allocate": tiny, "navigate": tiny_navigate}[request.param]


@pytest.fixture(scope="session")
def prometheus() -> Path:
    """Folder of `prometheus` and `promtool`, as Debian ships them; `make install` fetches them."""
    fetched, found = Path(sys.prefix, "prometheus", "usr", "bin"), shutil.which("prometheus")
    if not (fetched / "prometheus").is_file() and not found:
        pytest.skip("there is no prometheus: it comes from Debian's package, by `make install`")
    return fetched if (fetched / "prometheus").is_file() else Path(str(found)).parent


@pytest.fixture
def exit_code() -> Callable[..., object]:
    """Runs the command line in this process, and gives its exit code."""

    def run(*arguments: str) -> object:
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        return caught.value.code or 0

    return run


@pytest.fixture
def error_line(exit_code: Callable[..., object], capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must be refused with exit code 2 and nothing on stdout; gives its one line."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        assert exit_code(*arguments) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        (line,) = printed.err.splitlines()
        assert line.startswith("error: ")
        return line

    return run


@pytest.fixture(scope="session")
def store_url() -> Iterator[str]:
    """An object store on loopback."""
    with ObjectStore.serving() as url:
        yield url


@pytest.fixture
def store(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """A bucket of its own, with the environment of somebody who may do everything there, and an empty home."""
    store = ObjectStore(store_url, f"bucket-{tmp_path.name.lower().replace('_', '-')[-40:].strip('-')}").make()
    for name, value in store.variables().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    yield store
    store.close()


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    """A context in which no file of this process may grow beyond so many bytes."""

    @contextmanager
    def limit(num_bytes: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit
