"""Bad inputs of paths: outputs that would harm what is there, places that cannot be written, paths that are none."""

from tests.hostile.row import FIFO, FOLDER, Link, Row

CHECKPOINT = "{run}/checkpoints/checkpoint-000002"
PLAY = ["evaluate", "{run}", "--episodes", "1"]
CLIMB = ["evaluate", "{run}", "--ladder", "2"]
MAP = '{"type": "FeatureCollection", "features": []}'
KEPT = r"; name a place elsewhere, so that nothing is lost"
ITS_OWN = r"is also read, or written by another option; name a file of its own"
NO_FILE = r"is a device, a pipe or a socket; name a regular file, or - for standard output"
LONG = "n" * 256

ROWS = [
    # what a run has written
    *(
        Row([*PLAY, "--json", f"{{run}}/{name}"], rf"{name}: belongs to a run, which has written it{KEPT}")
        for name in ("config.yaml", "metrics.jsonl", "status.json")
    ),
    Row([*PLAY, "--trace", "{run}/metrics.jsonl"], rf"belongs to a run.*{KEPT}"),
    Row([*PLAY, "--json", "./{run}/../{run}/config.yaml"], rf"belongs to a run.*{KEPT}"),
    Row([*PLAY, "--json", "{cwd}/{run}/timeline.png"], rf"belongs to a run.*{KEPT}"),
    Row([*PLAY, "--json", "link/config.yaml"], rf"belongs to a run.*{KEPT}", files={"link": Link("{run}")}),
    Row(["doctor", "--json", "{run}/config.yaml"], rf"belongs to a run.*{KEPT}"),
    Row(["dashboards", "{run}/checkpoints"], rf"belongs to a run.*{KEPT}"),
    *(
        Row([*PLAY, "--json", f"{CHECKPOINT}/{name}"], rf"belongs to the checkpoints of a run{KEPT}")
        for name in ("manifest.json", "model.safetensors", "state.json", "new.json")
    ),
    Row([*PLAY, "--json", "{run}/checkpoints/new.json"], rf"belongs to the checkpoints of a run{KEPT}"),
    Row([*PLAY, "--json", "link/new.json"], rf"checkpoints of a run{KEPT}", files={"link": Link("{run}/checkpoints")}),
    Row(["evaluate", CHECKPOINT, "--trace", f"{CHECKPOINT}/state.json"], rf"belongs to the checkpoints of a run{KEPT}"),
    Row([*CLIMB, "--plot", f"{CHECKPOINT}/ladder.png"], rf"belongs to the checkpoints of a run{KEPT}"),
    Row(["doctor", "--json", f"{CHECKPOINT}/found.json"], rf"belongs to the checkpoints of a run{KEPT}"),
    Row(["dashboards", CHECKPOINT], rf"belongs to the checkpoints of a run{KEPT}"),
    Row(["dashboards", f"{CHECKPOINT}/monitoring"], rf"belongs to the checkpoints of a run{KEPT}"),
    Row(["train", "debug", "engine=local", "--out", f"{CHECKPOINT}/again"], rf"the checkpoints of a run{KEPT}"),
    Row(["train", "debug", "engine=local", "--out", "{run}/checkpoints/again"], rf"the checkpoints of a run{KEPT}"),
    Row(["tune", "tune_demo", "--out", "{run}/checkpoints/study"], rf"belongs to the checkpoints of a run{KEPT}"),
    Row(["scenario", "import", "a.geojson", "--out", f"{CHECKPOINT}/a.yaml"], rf"checkpoints of a run{KEPT}"),
    Row(
        ["scenario", "assign", "s.yaml", "--policy", "{run}", "--out", "{run}/config.yaml"],
        rf"belongs to a run.*{KEPT}",
    ),
    # what a study has written
    *(
        Row(
            [*PLAY, "--json", f"study/{name}"],
            rf"belongs to a study{KEPT}",
            files={"study/study.yaml": "", "study/best.yaml": "", "study/trials": FOLDER},
        )
        for name in ("study.yaml", "best.yaml", "trials/new.json")
    ),
    # what the same command reads, or writes besides
    Row(["scenario", "import", "a.geojson", "--out", "a.geojson"], ITS_OWN, files={"a.geojson": MAP}),
    Row(["scenario", "import", "a.json", "--out", "./a.json"], ITS_OWN, files={"a.json": MAP}),
    Row(
        ["scenario", "import", "a.geojson", "--out", "b.yaml"],
        ITS_OWN,
        files={"a.geojson": MAP, "b.yaml": Link("a.geojson")},
    ),
    Row(["scenario", "assign", "s.yaml", "--out", "{cwd}/s.yaml"], ITS_OWN, files={"s.yaml": ""}),
    Row(["scenario", "export", "s.yaml", "--out", "s.yaml"], ITS_OWN, files={"s.yaml": ""}),
    Row(["scenario", "export", "s.yaml", "--trace", "t", "--out", "t"], ITS_OWN, files={"s.yaml": "", "t": ""}),
    Row([*PLAY, "--scenario", "s.yaml", "--json", "s.yaml"], ITS_OWN, files={"s.yaml": ""}),
    Row([*PLAY, "--scenario", "a.yaml", "--scenario", "b.yaml", "--trace", "b.yaml"], ITS_OWN, files={"b.yaml": ""}),
    Row([*PLAY, "--preset", "p.yaml", "--json", "p.yaml"], ITS_OWN, files={"p.yaml": "base: debug"}),
    Row([*PLAY, "--preset", "~/p.yaml", "--json", "{home}/p.yaml"], ITS_OWN),
    Row([*PLAY, "--json", "new", "--trace", "new"], ITS_OWN),
    Row([*PLAY, "--json", "new", "--trace", "{cwd}/./new"], ITS_OWN),
    Row([*PLAY, "--json", "-", "--trace", "/dev/stdout"], ITS_OWN),
    Row([*CLIMB, "--json", "a.png", "--plot", "./a.png"], ITS_OWN),
    Row(["evaluate", "--json", "-", "--trace", "-"], ITS_OWN),
    # what is no regular file
    *(Row([*PLAY, "--json", name], NO_FILE) for name in ("/dev/null", "/dev/full", "/dev/zero", "/dev/tty")),
    Row([*PLAY, "--trace", "pipe"], NO_FILE, files={"pipe": FIFO}),
    Row([*PLAY, "--json", "link"], NO_FILE, files={"link": Link("/dev/null")}),
    Row([*PLAY, "--json", "link"], NO_FILE, files={"link": Link("pipe"), "pipe": FIFO}),
    Row(["doctor", "--json", "/dev/null"], NO_FILE),
    Row([*CLIMB, "--plot", "a.png"], NO_FILE, files={"a.png": FIFO}),
    Row(["scenario", "import", "a.geojson", "--out", "a.yaml"], NO_FILE, files={"a.geojson": MAP, "a.yaml": FIFO}),
    Row(["scenario", "export", "s.yaml", "--out", "/dev/null"], NO_FILE),
    Row(["dashboards", "d"], NO_FILE, files={"d/grafana.json": FIFO}),
    Row(["dashboards", "d"], r"grafana.json: is a folder; name a file", files={"d/grafana.json": FOLDER}),
    Row(["dashboards", "/dev/null"], r"/dev/null: exists already"),
    Row(
        ["dashboards", "file/monitoring"], r"cannot be made: Not a directory; choose another folder", files={"file": ""}
    ),
    Row(["dashboards", "/proc/monitoring"], r"cannot be made: .*; choose another folder"),
    Row([*PLAY, "--json", "{run}"], r"is a folder; name a file"),
    Row([*PLAY, "--json", "."], r"is a folder; name a file"),
    Row([*PLAY, "--json", "missing/scores.json"], r"lies in a folder that does not exist; make the folder first"),
    Row(
        [*PLAY, "--json", "{run}/config.yaml/scores.json"],
        r"lies in a folder that does not exist; make the folder first",
    ),
    Row([*PLAY, "--json", "loop/scores.json"], r"loop/scores.json: ", files={"loop": Link("loop")}),
    Row([*PLAY, "--json", "/proc/scores.json"], r"/proc/scores.json: "),
    # paths that are none
    *(
        Row(words, r"is no path: it is empty; name a file or folder")
        for words in (
            [*PLAY, "--json", ""],
            [*PLAY, "--trace="],
            ["evaluate", ""],
            ["train", ""],
            ["train", "debug", "--out", ""],
            ["train", "--resume", ""],
            ["train", "debug", "--weights="],
            ["tune", "tune_demo", "--out", ""],
            ["tune", "--resume="],
            ["top", ""],
            ["dashboards", ""],
            ["doctor", "--storage", ""],
            ["doctor", "--json="],
            ["submit", "debug", "--out", ""],
            ["submit", ""],
            ["config", "show", ""],
            ["config", "validate", ""],
            ["scenario", "export", "", "--out", "x"],
            ["dashboards", "d", "--ray-folder", ""],
        )
    ),
    *(
        Row(words, r"is no path: it is too long; use names of at most 255 bytes")
        for words in (
            [*PLAY, "--json", LONG],
            ["train", "debug", "--out", f"{LONG}/run"],
            ["train", "--resume", LONG],
            ["evaluate", "ü" * 128],
            ["top", "d/" * 2100],
            ["config", "show", LONG],
            ["submit", "debug", "--out", f"/{LONG}"],
            ["tune", "--resume", LONG],
            ["dashboards", "~/" + LONG],
            ["scenario", "import", LONG, "--out", "x.yaml"],
        )
    ),
    *(
        Row(words, r"there is no home folder for ~no-such-user; write ")
        for words in (
            [*PLAY, "--json", "~no-such-user/x"],
            ["train", "debug", "--out=~no-such-user/run"],
            ["top", "~no-such-user"],
            ["evaluate", "--scenario=~no-such-user/s.yaml"],
            ["dashboards", "~no-such-user"],
        )
    ),
    *(
        Row(["submit", "debug", f"--out={name}"], r"is relative: .*; name a folder that begins with / or ~/")
        for name in ("runs/first", ".", "../run", "~other/run", "{run}")
    ),
    # folders that are there, or are not
    Row(["train", "debug", "engine=local", "--out", "{run}"], r"exists already; go on with --resume run, or choose"),
    Row(
        ["train", "debug", "engine=local", "--out", "with space"],
        r"exists already; go on with --resume 'with space',",
        files={"with space/checkpoints": FOLDER},
    ),
    Row(["train", "debug", "engine=local", "--out", "link"], r"exists already", files={"link": Link("nowhere")}),
    Row(
        ["train", "debug", "engine=local", "--out", "file"], r"exists already; choose another --out", files={"file": ""}
    ),
    Row(["train", "debug", "engine=local", "--out", "/dev/null"], r"/dev/null: exists already; choose another --out"),
    Row(
        ["train", "debug", "engine=local", "--out", "file/run"], r"cannot be made: Not a directory", files={"file": ""}
    ),
    Row(
        ["train", "debug", "engine=local", "--out", "new/file/run"],
        r"cannot be made: Not a dir",
        files={"new/file": ""},
    ),
    Row(["train", "--resume", "~/nothing"], r"/nothing: does not exist; name a run folder"),
    Row(["evaluate", "~"], r": holds no checkpoint; "),
    Row(["top", "~/nothing"], r"/nothing: is no folder; name the folder that was given to --out"),
]
