"""Bad inputs of the process itself: secrets in settings, tokens, keys, caches, homes, control characters in names."""

from tests.hostile.row import FIFO, FOLDER, Link, Row

TRAIN = ["train", "debug", "engine=local", "--out", "new"]
SECRET = r"the address holds a user name, a password or a token, .*; export MLFLOW_TRACKING_USERNAME"
IN_ADDRESS = r"address http://\.\.: holds a user name, a password or a token, .*; export AWS_ACCESS_KEY_ID"
TOKEN = r"; export RAY_AUTH_TOKEN_PATH=FILE with the token that the head was started with"
TOP = ["top", "--address", "127.0.0.1:{silent_port}"]
SUBMIT = ["submit", "debug", "--address", "http://127.0.0.1:{silent_port}"]
ONLINE = ["train", "debug", "engine=local", "monitoring.wandb_mode=online"]
NO_KEY = r"there is no key for api\.wandb\.ai; export WANDB_API_KEY, or run `wandb login` first"


def _uri(uri: str) -> list[str]:
    return [*TRAIN, f"monitoring.mlflow_uri={uri}"]


ROWS = [
    # secrets in settings are refused, and not repeated
    Row(_uri("http://user:sesame@host:5000"), rf"http://\*\*\*@host:5000: {SECRET}"),
    Row(_uri("https://user@host"), SECRET),
    Row(_uri("https://:sesame@host"), rf"https://\*\*\*@host: {SECRET}"),
    Row(_uri("https://us@er:ses@me@host"), rf"https://\*\*\*@host: {SECRET}"),
    Row(_uri("HTTP://user:sesame@host"), rf"HTTP://\*\*\*@host: {SECRET}"),
    Row(_uri("http://host/?token=sesame"), rf"\?token=\*\*\*.* {SECRET}"),
    Row(_uri("http://host/?a=1&api_key=sesame"), rf"&api_key=\*\*\*.* {SECRET}"),
    Row(_uri("http://host/?x-access-token=sesame"), SECRET),
    Row(_uri("http://host/?PASSWORD=sesame"), SECRET),
    Row(_uri("sqlite:///file.db?key=sesame"), SECRET),
    Row(_uri("ftp://user:sesame@host"), rf"ftp://\*\*\*@host: {SECRET}"),
    Row(["config", "show", "debug", "monitoring.mlflow_uri=http://u:sesame@h"], SECRET),
    Row(["config", "validate", "s.yaml"], SECRET, {"s.yaml": "base: debug\nmonitoring:\n  mlflow_uri: http://u:p@h\n"}),
    Row(["config", "validate", "debug", "monitoring.mlflow_url=http://u:sesame@h"], r"http://\*\*\*@h: unknown key"),
    Row(["train", "--resume", "http://user:sesame@host/run"], IN_ADDRESS),
    Row(["evaluate", "http://user:sesame@host/run"], IN_ADDRESS),
    # what is not MLflow's
    Row(_uri("file:"), r"give text that matches"),
    Row(_uri("host:5000"), r"give text that matches"),
    Row(_uri("postgresql://host/db"), r"give text that matches"),
    Row(_uri("http://" + "h" * 600), r"monitoring\.mlflow_uri"),
    Row([*TRAIN, "monitoring.wandb_mode=on"], r"monitoring\.wandb_mode"),
    # a token that cannot be read
    Row(TOP, rf"RAY_AUTH_TOKEN_PATH=missing: there is no such file{TOKEN}", env={"RAY_AUTH_TOKEN_PATH": "missing"}),
    Row(TOP, rf"the file is empty{TOKEN}", {"token": ""}, env={"RAY_AUTH_TOKEN_PATH": "token"}),
    Row(TOP, rf"the file is empty{TOKEN}", {"token": " \n\n"}, env={"RAY_AUTH_TOKEN_PATH": "token"}),
    Row(TOP, rf"it is no file{TOKEN}", {"token": FOLDER}, env={"RAY_AUTH_TOKEN_PATH": "token"}),
    Row(TOP, rf"it is no file{TOKEN}", {"token": FIFO}, env={"RAY_AUTH_TOKEN_PATH": "token"}),
    Row(TOP, rf"there is no such file{TOKEN}", {"token": Link("gone")}, env={"RAY_AUTH_TOKEN_PATH": "token"}),
    Row(TOP, rf"it is no file{TOKEN}", env={"RAY_AUTH_TOKEN_PATH": "/dev/zero"}),
    Row(TOP, rf"more than 4096 bytes: it is no token{TOKEN}", {"t": "x" * 5000}, env={"RAY_AUTH_TOKEN_PATH": "t"}),
    Row(SUBMIT, rf"there is no such file{TOKEN}", env={"RAY_AUTH_TOKEN_PATH": "missing"}),
    Row(SUBMIT, rf"it is no file{TOKEN}", {"token": FOLDER}, env={"RAY_AUTH_TOKEN_PATH": "token"}),
    Row(["stop", "job", *SUBMIT[2:]], rf"the file is empty{TOKEN}", {"t": ""}, env={"RAY_AUTH_TOKEN_PATH": "t"}),
    Row(TOP, r"RAY_AUTH_MODE=tokne: .*; export RAY_AUTH_MODE=token", env={"RAY_AUTH_MODE": "tokne"}),
    Row(SUBMIT, r"RAY_AUTH_MODE=True: .*; export RAY_AUTH_MODE=token", env={"RAY_AUTH_MODE": "True"}),
    Row(
        ["train", "debug", "engine=ray", "--address", "127.0.0.1:{silent_port}", "--out", "new"],
        rf"there is no such file{TOKEN}",
        env={"RAY_AUTH_TOKEN_PATH": "missing"},
    ),
    # no tracker asks for a key
    Row(ONLINE, NO_KEY),
    Row(ONLINE, NO_KEY, stdin="a key that somebody types\n"),
    Row(ONLINE, NO_KEY, {"netrc": "machine other.example login a password b\n"}, env={"NETRC": "netrc"}),
    Row(ONLINE, NO_KEY, {"netrc": "this is no netrc\x00\n"}, env={"NETRC": "netrc"}),
    Row(ONLINE, NO_KEY, {"netrc": FOLDER}, env={"NETRC": "netrc"}),
    Row(ONLINE, r"there is no key for wandb\.example", env={"WANDB_BASE_URL": "https://wandb.example"}),
    # control characters of names, and of what is not there, are spelled out
    Row(["evaluate", "\x1b[2J\x1b[31mred"], r"\\x1b\[2J\\x1b\[31mred: does not exist"),
    Row(["train", "--resume", "a\nerror: b"], r"a\\nerror: b: does not exist"),
    Row(["config", "show", "a\u202eb"], r"a\\u202eb"),
    Row(["top", "\x9b31m"], r"\\x9b31m"),
    Row(["config", "show", "debug", "name=\x07"], r"name"),
    Row(["evaluate", "\udcff"], r"\\udcff: is no path: it is not UTF-8"),
    # unprintable words where the stream takes only ASCII
    Row(["evaluate", "Läufe/größter"], r"does not exist", env={"PYTHONIOENCODING": "ascii"}),
]
