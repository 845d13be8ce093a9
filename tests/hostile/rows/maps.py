"""Bad inputs of `scenario import`, `scenario assign` and `scenario export`: maps, scenarios, traces, arguments."""

import json
from typing import Any

from tests.hostile.row import FIFO, FOLDER, File, Link, Row

__all__ = ["ROWS"]

UAV = {"role": "uav", "id": "u1", "resources": [60, 40], "range_m": 9000, "speed_mps": [15, 40], "cruise_mps": 25}
TARGET = {"role": "target", "id": "t1", "demand": [50, 20]}
SQUARE = [[9.96, 53.541], [9.965, 53.541], [9.965, 53.546], [9.96, 53.546], [9.96, 53.541]]
SCENARIO: dict[str, Any] = {
    "name": "harbour",
    "area": {"width_m": 4000.0, "height_m": 3000.0},
    "origin": {"longitude_deg": 9.95, "latitude_deg": 53.54},
    "uavs": [{**{k: v for k, v in UAV.items() if k != "role"}, "position_m": [100.0, 100.0], "heading_rad": 0.0}],
    "targets": [{"id": "t1", "position_m": [3000.0, 2000.0], "demand": [50.0, 20.0], "value": 1.0}],
}


def _feature(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def _map(*features: Any, **members: Any) -> str:
    """A UAV, a target, and what is added."""
    drawn = [_feature("Point", [9.95, 53.54], **UAV), _feature("Point", [9.97, 53.55], **TARGET)]
    return json.dumps({"type": "FeatureCollection", "features": [*drawn, *features], **members})


def _uav(**properties: Any) -> str:
    return _map(_feature("Point", [9.952, 53.54], **UAV | {"id": "u2"} | properties))


def _imports(content: File, line: str, *words: str, name: str = "m.geojson") -> Row:
    return Row(["scenario", "import", name, *(words or ("--out", "s.yaml"))], line, {name: content})


def _scenario(**changed: Any) -> str:
    return json.dumps({key: value for key, value in {**SCENARIO, **changed}.items() if value is not None})


def _of(command: str, content: File, line: str, *words: str, **files: File) -> Row:
    out = "g.json" if command == "assign" else "g.geojson"
    found = {"s.json": content, **{name.replace("_", "."): text for name, text in files.items()}}
    return Row(["scenario", command, "s.json", *words, "--out", out], line, found)


IMPORTS = [
    _imports("", r"m\.geojson line 1: is not JSON"),
    _imports("{", r"m\.geojson line 1: is not JSON"),
    _imports(b"\xff\xfe{\x00}\x00", r"m\.geojson.*UTF-8"),
    _imports(b"\x00" * 4096, r"m\.geojson"),
    _imports("[" * 200_000, r"is not JSON that can be read"),
    _imports('{"type": "FeatureCollection", "features": ' + "[" * 50_000, r"is not JSON that can be read"),
    _imports(_map().replace("9.95,", "9" * 5000 + ","), r"is not JSON that can be read"),
    _imports(_map().replace("9.95,", "1e999,"), r"features\.0\.geometry\.coordinates: \[inf, .* is out of range"),
    _imports(_map().replace("9.95,", "-Infinity,"), r"holds -Infinity, which is no JSON"),
    _imports(_map() + "x", r"m\.geojson line 1: is not JSON"),
    _imports(_map(crs={"type": "name", "properties": {"name": "EPSG:3857"}}), r"crs: .* is not WGS84; export"),
    _imports(_map(scenario={"name": "\x1b[31m"}), r"scenario\.area: is missing"),
    _imports(_map(scenario=[]), r"scenario: got \[\]; give a mapping"),
    _imports('"FeatureCollection"', r"is not a FeatureCollection"),
    _imports("null", r"is not a FeatureCollection"),
    _imports(json.dumps({"type": "FeatureCollection", "features": {"0": 1}}), r"features: there is none"),
    _imports(json.dumps({"type": "Topology", "objects": {}}), r"is not a FeatureCollection"),
    _imports(_map({"type": "Feature", "properties": UAV, "geometry": None}), r"features\.2\.geometry: type None is"),
    _imports(_map(_feature("Point", ["9.9", "53.5"], role="depot")), r"features\.2\.geometry\.coordinates: got"),
    _imports(_map(_feature("Point", [53.54, 9.95], role="depot")), r"more than 500 km apart"),
    _imports(_map(_feature("Point", [3551234.0, 5934567.0], role="depot")), r"is out of range; write .* WGS84 degrees"),
    _imports(_map(_feature("Point", [9.96, 89.9], role="depot")), r"is out of range; .* up to 80"),
    _imports(_map(_feature("Polygon", [SQUARE[:-1]])), r"the ring is not closed; repeat"),
    _imports(_map(_feature("Polygon", [[SQUARE[0], SQUARE[2], *SQUARE[1::2], SQUARE[0]]])), r"edges 0 and 2 meet"),
    _imports(_map(_feature("Polygon", [SQUARE * 5000])), r"the ring has \d+ corners; draw it with at most 64"),
    _imports(_map(_feature("MultiPolygon", [[SQUARE], [SQUARE]])), r"type MultiPolygon is not supported"),
    _imports(_map(_feature("MultiPolygon", [])), r"type MultiPolygon is not supported"),
    _imports(_map(_feature("MultiPolygon", [[SQUARE], [[]]])), r"features\.2.*the ring has 0 positions"),
    _imports(_map(_feature("LineString", SQUARE, role="road")), r"type LineString is not supported"),
    _imports(_map(_feature("Polygon", [SQUARE], radius_m="wide")), r"radius_m: got \"wide\"; give a finite number"),
    _imports(_uav(resources="60;40"), r"properties\.resources: got \"60;40\"; give a list"),
    _imports(_uav(resources="(3:60,40)"), r"properties\.resources: got \"\(3:60,40\)\"; give a list"),
    _imports(_uav(resources="[60, 40"), r"properties\.resources: got .*; give a list"),
    _imports(_uav(range_m="9,000"), r"properties\.range_m: got \"9,000\"; give a finite number"),
    _imports(_uav(range_m="٣٠٠٠"), r"properties\.range_m: got .*; give a finite number"),
    _imports(_uav(range_m="nan"), r"properties\.range_m: got \"nan\"; give a finite number"),
    _imports(_uav(range_m="1e999"), r"properties\.range_m: got Infinity; give a finite number"),
    _imports(_uav(speed_mps="40,15"), r"begins with the higher; give the lowest speed first"),
    _imports(_uav(fails_s="-1"), r"properties\.fails_s: got -1"),
    _imports(_uav(id=""), r"properties\.id: is missing"),
    _imports(_uav(id="x" * 65), r"properties\.id: got .*; give text of 1 to 64 characters"),
    _imports(_uav(id=1.5), r"properties\.id: got 1\.5; give text"),
    _imports(_uav(id="u1"), r"'u1' is used twice"),
    _imports(_map(_feature("Point", [9.96, 53.54], role="goal", uav=[1])), r"properties\.uav: got .*; write the id"),
    _imports(_map(), r"m\.geojson", "--out", "m.geojson"),
    _imports(_map(), r"s\.txt", "--out", "s.txt"),
    _imports(_map(), r"nowhere", "--out", "nowhere/s.yaml"),
    _imports(_map(), r"is no path: it is empty; name a file", "--out", ""),
    _imports(_map(), r"--out", "--out"),
    _imports(FOLDER, r"m\.geojson"),
    _imports(FIFO, r"m\.geojson"),
    _imports(Link("nothing"), r"m\.geojson"),
    _imports(Link("m.geojson"), r"m\.geojson"),
    _imports(" " * (2**20 + 1) + "{}", r"more than 1 MiB"),
    Row(["scenario", "import", "gone.geojson", "--out", "s.yaml"], r"gone\.geojson"),
    Row(["scenario", "import", "/dev/zero", "--out", "s.yaml"], r"/dev/zero"),
    Row(["scenario", "import", "m.geojson"], r"out", {"m.geojson": _map()}),
    Row(["scenario", "import", "a.geojson", "b.geojson", "--out", "s.yaml"], r"b\.geojson"),
    Row(["scenario", "example"], r"out"),
    Row(["scenario", "example", "smal", "--out", "s.yaml"], r"smal: is no example; choose one of small, bal"),
    Row(["scenario", "example", "small", "--out", "s.txt"], r"s\.txt: is no name of a scenario file; name it \*\.yaml"),
    Row(["scenario", "convert", "m.geojson"], r"convert"),
]  # fmt: skip

ASSIGNS = [
    _of("assign", _scenario(), r"--policy: 'nobody' is neither a heuristic nor a run folder", "--policy", "nobody"),
    _of("assign", _scenario(), r"is empty; name", "--policy", ""),
    _of("assign", _scenario(), r"spacing", "--spacing", "0"),
    _of("assign", _scenario(), r"spacing", "--spacing", "nan"),
    _of("assign", _scenario(), r"spacing", "--spacing", "1e5"),
    _of("assign", _scenario(), r"spacing", "--spacing", "wide"),
    _of("assign", _scenario(), r"s\.json", "--policy", "s.json"),
    _of("assign", _scenario(targets=[]), r"s\.json: targets: there is none"),
    _of("assign", _scenario(uavs=[]), r"s\.json: uavs: there is none"),
    _of("assign", _scenario(uavs=[{**SCENARIO["uavs"][0], "position_m": [-1, 0]}]), r"is outside the area"),
    _of("assign", _scenario(name=5), r"s\.json: name: got 5; give text"),
    _of("assign", "{}", r"s\.json: (name|area|uavs): is missing"),
    _of("assign", "", r"s\.json"),
    _of("assign", "[1, 2]", r"s\.json: is not a mapping"),
    Row(["scenario", "assign", "s.txt", "--out", "g.yaml"], r"s\.txt: is not a mapping", {"s.txt": "a scenario"}),
    Row(["scenario", "assign", "s.yaml", "--out", "g.yaml"], r"s\.yaml", {"s.yaml": "a: &a [*a, *a]"}),
    Row(["scenario", "assign", "s.yaml", "--out", "g.yaml"], r"s\.yaml", {"s.yaml": "!!python/object:os.system x"}),
    Row(["scenario", "assign", "s.json", "--out", "s.json"], r"s\.json", {"s.json": _scenario()}),
]

EXPORTS = [
    _of("export", _scenario(origin=None), r"harbour: it has no origin; give it origin"),
    _of("export", _scenario(origin={"longitude_deg": 181.0, "latitude_deg": 0.0}), r"origin\.longitude_deg: got 181"),
    _of("export", _scenario(origin={"longitude_deg": 9.0, "latitude_deg": 89.0}), r"origin\.latitude_deg: got 89"),
    _of("export", _scenario(area={"width_m": 9e6, "height_m": 9e6}, depot_m=[8e6, 8e6]), r"past the earth's edge"),
    _of("export", _scenario(), r"t\.jsonl", "--trace", "t.jsonl"),
    _of("export", _scenario(), r"t\.jsonl", "--trace", "t.jsonl", t_jsonl=""),
    _of("export", _scenario(), r"t\.jsonl", "--trace", "t.jsonl", t_jsonl="{}\n"),
    _of("export", _scenario(), r"t\.jsonl", "--trace", "t.jsonl", t_jsonl=b"\xff" * 100),
    _of("export", _scenario(), r"t\.jsonl", "--trace", "t.jsonl", t_jsonl=FOLDER),
    _of("export", _scenario(), r"s\.json", "--trace", "s.json"),
    Row(["scenario", "export", "gone.json", "--out", "g.geojson"], r"gone\.json"),
    Row(["scenario", "export", "s.json", "--out", "s.json"], r"s\.json", {"s.json": _scenario()}),
    Row(["scenario", "export", "s.json", "--out", "d"], r"d: ", {"s.json": _scenario(), "d": FOLDER}),
    Row(["scenario", "export", "s.json", "--out", "no/g.geojson"], r"no", {"s.json": _scenario()}),
]

ROWS = [*IMPORTS, *ASSIGNS, *EXPORTS]
