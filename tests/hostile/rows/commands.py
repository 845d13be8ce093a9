"""Bad inputs of the command line itself: commands, options and values that do not exist."""

from tests.hostile.row import Row

COMMANDS = ("config show", "config validate", "config list", "config explain", "train", "evaluate", "tune", "top",
            "dashboards", "submit", "stop", "doctor", "scenario import", "scenario assign",
            "scenario example", "scenario export")  # fmt: skip

BLIND = "class Blind:\n    name, is_deterministic = 'blind', True\n"
SAME = "class Same:\n    name, is_deterministic, act = 'greedy', True, None\n"

ROWS = [
    Row(["no-such-command"], r"no-such-command.*; see rl-cluster --help"),
    Row(["trian", "quick_demo"], r"trian.*; see rl-cluster --help"),
    Row(["--no-such-option"], r"--no-such-option.*; see rl-cluster --help"),
    Row(["config", "shwo"], r"shwo.*; see rl-cluster config --help"),
    Row(["scenario", "improt"], r"improt.*; see rl-cluster scenario --help"),
    Row(["config", "show"], r"PRESET.*; see rl-cluster config show --help"),
    Row(["stop"], r"JOB.*; see rl-cluster stop --help"),
    Row(["dashboards"], r"DIR.*; see rl-cluster dashboards --help"),
    Row(["submit"], r"PRESET.*; see rl-cluster submit --help"),
    Row(["scenario", "import", "map.geojson"], r"--out.*; see rl-cluster scenario import --help"),
    *(Row([*command.split(), "--no-such-option"], r"--no-such-option.*; see rl-cluster") for command in COMMANDS),
    *(Row([*command.split(), "--\x1b[31mred"], r"; see rl-cluster") for command in COMMANDS),
    *(Row(["evaluate", "--episodes", word], r"--episodes.*; see") for word in ("0", "-1", "1.5", "many", "", "1e3")),
    *(
        Row(["evaluate", "--search", budget], "--search: .*; write plans=64 or ms=500")
        for budget in (
            "plans=0",
            "ms=0",
            "plans=-1",
            "plans=64,futures=0",
            "64",
            "plans=64,ms=5",
            "plans=" + "9" * 5000,
        )
    ),
    Row(["evaluate", "--policy", "no_such:Greedy"], "--policy: there is no module no_such for no_such:Greedy; install"),
    Row(["evaluate", "--policy", "no_such.mine:"], "--policy: no_such.mine: is not a heuristic.*; choose from"),
    Row(["evaluate", "--policy", "mine:Greedy"], "module mine has no Greedy; it has Blind", {"mine.py": BLIND}),
    Row(["evaluate", "--policy", "mine:Blind"], "mine:Blind: has no act; a policy has name, is", {"mine.py": BLIND}),
    Row(["evaluate", "--policy", "mine:Same"], "mine:Same names itself greedy, .*; give its", {"mine.py": SAME}),
    Row(["evaluate", "--search", ""], "--search: is empty; give it a value"),
    Row(["evaluate", "--objective", "time=1"], "--objective: .*; add --search plans=64"),
    Row(["evaluate", "--search", "plans=4", "--objective", "time=-1"], "--objective: time=-1 is not between"),
    Row(["evaluate", "--search", "plans=4", "--objective", "fame=1"], "--objective: fame is no term.*; choose from"),
    *(Row(["evaluate", "--seed", word], r"--seed.*; see") for word in ("-1", "2147483648", "x", "1_0x")),
    *(Row(["doctor", "--min-free-gib", word], r"--min-free-gib.*; see") for word in ("-1", "much")),
    *(Row(["submit", "debug", option, "-1"], rf"{option}.*; see") for option in ("--gpus", "--runners")),
]
