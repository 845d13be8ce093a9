"""Every module with rules has a test file of its name in the mirrored folder, or says here who tests it."""

import ast
from pathlib import Path

from tests.source_tree import PACKAGE, ROOT, SOURCES, trees

MAX_LINES = 400
COMPOSED = "composes what is tested by itself, and is played whole in "
RAY = "acts within Ray, and is tested there: "
TABLE = "declares fields and ranges, whose table of rows is "
TESTED_ELSEWHERE = {
