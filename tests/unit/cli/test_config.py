import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from rl_cluster import __version__
from rl_cluster.config.load import PRESETS, load_config

ROOT = Path(__file__).parents[3]
DEMO_TEXT = PRESETS["quick_demo"].read_text(encoding="utf-8")
COMMANDS = tuple(("config", name) for name in ("show", "validate", "schema", "list", "explain"))


def test_show__prints_settings_that_load_again(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, exit_code: Callable[..., object]
) -> None:
    assert exit_code("config", "show", "quick_demo", "ppo.lr=[1e-3, 1e-4]", "engine=local") == 0
    (tmp_path / "shown.yaml").write_text(capsys.readouterr().out, encoding="utf-8")

    assert load_config(str(tmp_path / "shown.yaml")) == load_config(
        "quick_demo", ["ppo.lr=[1e-3, 1e-4]", "engine=local"]
    )


def test_show__says_what_each_setting_does_unless_it_is_to_be_plain(
    capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    assert exit_code("config", "show", "debug") == 0
    commented = capsys.readouterr().out
    assert exit_code("config", "show", "debug", "--plain") == 0
    plain = capsys.readouterr().out

    assert "  # Per-UAV probability ratios are clipped to 1 +- this.\n  clip: " in commented
    assert "#" not in plain
    assert [line for line in commented.splitlines() if not line.lstrip().startswith("#")] == plain.splitlines()


def test_list__has_the_keys_of_a_section_with_their_effects(
    capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    assert exit_code("config", "list") == 0
    everything = capsys.readouterr().out.splitlines()
    assert exit_code("config", "list", "ppo") == 0
    lines = capsys.readouterr().out.splitlines()

    assert lines[0] == "ppo"
    assert "ppo.clip" in lines
    assert "    Per-UAV probability ratios are clipped to 1 +- this." in lines
    assert {
        "seed",
        "world.step_s",
        "world.decision_interval_s",
        *(line for line in lines if "." in line.split()[0]),
    } - {line for line in lines if line.startswith(" ")} <= set(everything)
    assert max(map(len, everything)) <= 80


def test_explain__prints_what_there_is_to_say(
    capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    assert exit_code("config", "explain", "sampling.timeout_s") == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "sampling.timeout_s"
    assert "  unit: seconds" in lines
    assert "  presets: 600.0 in all that have it" in lines


@pytest.mark.parametrize("preset", PRESETS)
def test_validate__accepts_every_preset(
    preset: str, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    assert exit_code("config", "validate", preset) == 0
    assert capsys.readouterr().out.startswith(f"{preset} is valid")


def test_schema__holds_range_and_effect(capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]) -> None:
    assert exit_code("config", "schema") == 0
    clip = json.loads(capsys.readouterr().out)["$defs"]["PPOConfig"]["properties"]["clip"]

    assert (clip["minimum"], clip["exclusiveMaximum"]) == (1e-6, 1.0)
    assert "ratios" in clip["description"]


def test_version__is_printed(capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]) -> None:
    assert exit_code("--version") == 0
    first, *others = capsys.readouterr().out.splitlines()

    assert first == f"rl-cluster {__version__}"
    installed = {name: metadata.version(name) for name in ("ray", "torch", "numpy", "numba", "gymnasium")}
    assert dict(line.split(" ") for line in others) == {"Python": platform.python_version(), **installed}


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["train", "--help"], ["evaluate", "--help"]])
def test_help_and_version__import_nothing_that_takes_time(words: list[str]) -> None:
    script = "import sys\nfrom rl_cluster.cli import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
    script += "print(sorted({'ray', 'torch', 'numba', 'matplotlib'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", script, *words], cwd=ROOT, check=True, capture_output=True, text=True)

    assert ended.stdout.splitlines()[-1] == "[]"


def test_completion__offers_commands_and_options() -> None:
    def completed(words: str) -> list[str]:
        variables = {"_RL_CLUSTER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        ended = subprocess.run(
            [sys.executable, "-m", "rl_cluster"],
            cwd=ROOT, check=True, capture_output=True, text=True, env=os.environ | variables,
        )  # fmt: skip
        return ended.stdout.split()

    assert completed("rl-cluster ev") == ["evaluate"]
    assert completed("rl-cluster train --res") == ["--resume", "--resume-or-start"]


@pytest.mark.parametrize("command", [(), ("config",), *COMMANDS])
def test_help__shows_an_example(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    assert exit_code(*command, "--help") == 0
    assert f"Example: rl-cluster {' '.join(command)}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (DEMO_TEXT.replace("  lr:", "  lrr:"), "ppo.lrr: unknown key; did you mean ppo.lr?"),
        (
            DEMO_TEXT.replace("clip: 0.2", "clip: fast"),
            'ppo.clip: got "fast"; give a finite number at least 1e-06 and below 1',
        ),
        (DEMO_TEXT.replace("clip: 0.2", "clip: 2"), "ppo.clip: got 2; give a finite number at least 1e-06 and below 1"),
        (
            DEMO_TEXT.replace("clip: 0.2", "clip: .nan"),
            "ppo.clip: got NaN; give a finite number at least 1e-06 and below 1",
        ),
        (
            DEMO_TEXT.replace("clip: 0.2", "clip: .inf"),
            "ppo.clip: got Infinity; give a finite number at least 1e-06 and below 1",
        ),
        (DEMO_TEXT + "seed: 1\n", "key seed occurs twice; correct the YAML there"),
        ("", "is empty; write at least one value"),
        ("name: ü".encode("latin-1"), "is not UTF-8 at byte 6; save it as UTF-8 text"),
        ("a: &a [x]\nb: " + "[*a" + ", *a" * 20 + "]", "more than 16 aliases are used; write the values out"),
        ("a: !!python/object/apply:os.getpid []", "tag !!python/object/apply:os.getpid is not allowed; write plain"),
    ],
)
def test_bad_file__is_one_line_with_its_remedy(
    content: str | bytes, message: str, tmp_path: Path, error_line: Callable[..., str]
) -> None:
    file = tmp_path / "bad.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())

    line = error_line("config", "validate", str(file))

    assert "bad.yaml" in line
    assert message in line


def test_endless_name__is_cut_but_for_its_remedy(tmp_path: Path, error_line: Callable[..., str]) -> None:
    (tmp_path / "bad.yaml").write_text(f"{DEMO_TEXT}? {'x' * 5000}\n: 1\n", encoding="utf-8")

    line = error_line("config", "validate", str(tmp_path / "bad.yaml"))

    assert len(line) < 1100
    assert line.startswith(f"error: {tmp_path}/bad.yaml: xxx")
    assert "unknown key; choose one of name, task, seed" in line


def test_huge_file__is_refused_unread(tmp_path: Path, error_line: Callable[..., str]) -> None:
    with (tmp_path / "huge.yaml").open("wb") as file:
        file.truncate(100 * 2**20)

    line = error_line("config", "show", str(tmp_path / "huge.yaml"))

    assert "huge.yaml: has 100.0 MiB, more than 1 MiB; name a smaller YAML file" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["config", "show", "."], "error: .: is a folder; name a YAML file"),
        (["config", "show", "none.yaml"], "cannot be read (No such file or directory); name a YAML file that exists"),
        (
            ["config", "show", "qick_demo"],
            "qick_demo: is neither a preset nor a file; did you mean quick_demo? Or choose a YAML file or one of ",
        ),
        (["config", "show", "two\nlines"], r"error: two\nlines: is neither a preset nor a file; choose"),
        (["config", "list", "ppoo"], "error: ppoo: is no setting; did you mean ppo?"),
        (["config", "explain", "ppo.lrr"], "error: ppo.lrr: is no setting; did you mean ppo.lr?"),
        (["config", "explain", ""], "error: : is no setting; choose one of name"),
        (["config", "show", "debug", "ppo.lr"], "ppo.lr: override without '='; write key=value"),
        (["config", "show", "debug", "ppo.lrr=1"], "ppo.lrr=1: unknown key; did you mean ppo.lr?"),
        (
            ["config", "show"],
            "rl-cluster config show: Missing argument 'PRESET|FILE'; see rl-cluster config show --help",
        ),
        (["config", "show", "debug", "--foo"], "No such option: --foo; see rl-cluster config show --help"),
        (["confg"], "No such command 'confg'. Did you mean 'config'?; see rl-cluster --help"),
        ([], "rl-cluster: Missing command; see rl-cluster --help"),
    ],
)
def test_bad_argument__is_one_line_with_its_remedy(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error_line: Callable[..., str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert message in error_line(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_full_disk__is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "rl_cluster", "config", "show", "debug"],
            cwd=ROOT,
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )

    assert ended.returncode == 2
    assert ended.stderr == ("error: standard output: cannot be used (No space left on device); choose another place\n")


def test_module__runs_as_the_command_does() -> None:

    ended = subprocess.run(
        [sys.executable, "-m", "rl_cluster", "config", "show", "nothing.yaml"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith("error: nothing.yaml: cannot be read")
    assert ended.stderr.count("\n") == 1
