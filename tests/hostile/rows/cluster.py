"""Bad inputs of `doctor`, `submit`, `stop`, and of --address in all commands: no Ray is started for them."""

from tests.hostile.row import Row

ADDRESS = r"not HOST:PORT, `auto` or `local`; write for example"
NO_HEAD = r"this is not the address of a head; write HOST:PORT"
DASHBOARD = r"of a dashboard.*; write http://HOST:8265"
JOB = r"this is not the name of a job; write it as submit has printed it"
PORTS = r"--ports .*ports; write for example 6379,8265"
HEADS = {
    "train": ["train", "debug"],
    "old stack": ["train", "debug", "api_stack=old"],
    "tune": ["tune", "tune_demo"],
    "top": ["top", "--once"],
    "doctor": ["doctor"],
}
"""Commands that take the address of a head."""
DASHBOARDS = {"submit": ["submit", "dev"], "submit a study": ["submit", "tune_demo"], "stop": ["stop", "raysubmit_1"]}
"""Commands that take the address of a dashboard."""
NO_HEADS = [
    "", " ", "nonsense", "host:", ":6379", "host:0", "host:65536", "host:-1", "host:٦٣٧٩", "host:" + "9" * 5000,
    "::1:6379", "[::1:6379", "[::g]:6379", "a..b:6379", "ü:6379", "a b:6379", "host\n:6379", "user@host:6379",
]  # fmt: skip
NO_DASHBOARDS = [
    "", "127.0.0.1:8265", "ray://127.0.0.1:10001", "http://", "http://[::1", "http://[::g]:8265", "http://host:0",
    "http://host:99999", "http://host:٨٢٦٥", "http://user:secret@host:8265", "http://host/?x=1", "http://host/#x",
    "http://a..b:8265", "http://ho st:8265", "http://host\n:8265", "file:///etc/passwd", "http://host:" + "8" * 5000,
]  # fmt: skip
NO_JOBS = ["", " ", "?x=1", "../..", "a/b", "a b", "%2e%2e", "x" * 129, "é", "job\n", "http://127.0.0.1:8265"]
NO_PORTS = ["", ",", "6379,", "0", "65536", "-1", "6379;8265", "٦٣٧٩", "1e3", "0x1f", "9" * 5000, "1," * 5000, "a"]
NO_MODES = ["tokn", "1", "token ", "enabled"]

ROWS = [
    *(Row([*command, "--address", NO_HEADS[index]], ADDRESS) for command in HEADS.values() for index in (0, 9, 11)),
    *(
        Row([*HEADS["top"], "--address", address], ADDRESS)
        for address in NO_HEADS[1:]
        if address not in NO_HEADS[9:12:2]
    ),
    *(Row([*HEADS["train"], "--address", address], NO_HEAD) for address in ("http://127.0.0.1:8265", "ray://h:10001")),
    *(Row([*command, "--address", NO_DASHBOARDS[4]], DASHBOARD) for command in DASHBOARDS.values()),
    *(Row([*DASHBOARDS["stop"], "--address", url], DASHBOARD) for url in NO_DASHBOARDS if url != "http://[::1"),
    *(Row(["stop", job], JOB) for job in NO_JOBS),
    *(Row(["doctor", "--ports", ports], PORTS) for ports in NO_PORTS),
    # nobody listens, or nobody answers
    *(
        Row(
            [*HEADS[name], "--address", "127.0.0.1:{closed_port}"],
            r"nothing answers there .*; check `ray start --head`",
        )
        for name in ("train", "old stack", "top")
    ),
    Row(["train", "debug"], r"nothing answers there", env={"RAY_ADDRESS": "127.0.0.1:{closed_port}"}),
    Row(["train", "debug"], ADDRESS, env={"RAY_ADDRESS": "somewhere"}),
    Row(["top", "--address", "[::1]:{closed_port}"], r"address \[::1\]:\d+: nothing answers there"),
    Row(["top", "--address", "no-such-host.invalid:6379"], r"nothing answers there|does not answer within"),
    Row(["top", "--address", "127.0.0.1:{silent_port}"], r"does not answer within 5 s; check `ray start --head`"),
    Row(["stop", "job", "--address", "http://127.0.0.1:{closed_port}"], r"nothing answers there .*; see that the head"),
    Row(["submit", "dev"], r"nothing answers there", env={"RAY_API_SERVER_ADDRESS": "http://localhost:{closed_port}"}),
    Row(["submit", "dev"], DASHBOARD, env={"RAY_API_SERVER_ADDRESS": "localhost:8265"}),
    Row(
        ["stop", "job", "--address", "http://[::1]:{closed_port}"], r"address http://\[::1\]:\d+: nothing answers there"
    ),
    Row(["stop", "job", "--address", "http://127.0.0.1:{silent_port}"], r"does not answer \(TimeoutError\); see that"),
    Row(
        ["stop", "job", "--address", "http://head.invalid:8265"],
        r"does not answer .*through the proxy http://127\.0\.0\.1:\d+ of http_proxy \(NO_PROXY goes past it\)",
        env={"http_proxy": "http://user:secret@127.0.0.1:{closed_port}"},
    ),
    Row(
        ["stop", "job", "--address", "http://127.0.0.1:{closed_port}"],
        r"nothing answers there",
        env={"http_proxy": "http://127.0.0.1:{silent_port}"},
    ),
    # who may ask
    *(
        Row(
            ["top", "--address", "127.0.0.1:{closed_port}"],
            r"RAY_AUTH_MODE=.*; export RAY_AUTH_MODE=token",
            env={"RAY_AUTH_MODE": mode},
        )
        for mode in NO_MODES
    ),
    Row(["stop", "job"], r"RAY_AUTH_MODE=tokn: Ray knows `token` and `disabled`", env={"RAY_AUTH_MODE": "tokn"}),
    # other options
    Row(["doctor", "--min-free-gib", "nan"], r"--min-free-gib"),
    Row(["doctor", "--min-free-gib", "inf"], r"--min-free-gib inf: not a number of GiB; write for example 2"),
    Row(["submit", "dev", "--gpus", "-1"], r"--gpus"),
    Row(["submit", "dev", "--runners", "²"], r"--runners"),
    # GPUs that this process does not have
    Row(
        ["train", "debug", "engine=local", "learners.gpus_per_learner=1"],
        r"learners: needed 1 GPUs in this process, available 0; set learners.gpus_per_learner=0",
        env={"CUDA_VISIBLE_DEVICES": "-1"},
    ),
    Row(
        ["train", "debug", "engine=ray", "learners.num_learners=0", "learners.gpus_per_learner=0.5"],
        r"learners: needed 1 GPUs in this process, available 0; set learners.gpus_per_learner=0",
        env={"CUDA_VISIBLE_DEVICES": "-1"},
    ),
    Row(
        ["train", "debug", "api_stack=old", "learners.gpus_per_learner=2"],
        r"learners: needed 2 GPUs in this process, available 0; set learners.gpus_per_learner=0",
        env={"CUDA_VISIBLE_DEVICES": "-1"},
    ),
    # a compiler that is not there
    Row(
        ["train", "debug", "engine=local", "model.compile=blocks"],
        r"model.compile=blocks: there is no C\+\+ compiler 'no-such-compiler' .*; install g\+\+ on every node",
        env={"CXX": "no-such-compiler"},
    ),
]
