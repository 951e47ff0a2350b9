from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tensorfleet.kit.logs import show_controls

NASTY = "x\n2026-01-01 [info] all is well\r\x1b[2J\u2028\u202e\x00"
PROGRAM = """
import logging, sys
from tensorfleet.kit.logs import configure_logging
import structlog
configure_logging("gateway")
nasty = sys.argv[1].encode().decode("unicode_escape")
structlog.get_logger().info("asked " + nasty, path=nasty)
logging.getLogger("library").warning("heard %s", nasty)
try:
    raise ValueError("of two\\nlines")
except ValueError:
    structlog.get_logger().exception("failed")
"""


def logged(form: str) -> str:
    given = NASTY.encode("unicode_escape").decode()
    env = {"TENSORFLEET_LOG_FORMAT": form, "PYTHONPATH": ":".join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, given], env=env, capture_output=True, text=True, check=True
    ).stderr


def test_nothing_from_outside_begins_a_line_or_speaks_to_the_terminal() -> None:
    text = logged("text")
    assert not any(line.startswith("2026-01-01 [info] all is well") for line in text.splitlines())
    assert set(text) & set("\x1b\r\x00\u2028\u202e") == set()
    assert text.count(r"\x1b[2J") == 3
    assert "Traceback" in text


def test_json_holds_one_object_in_each_line() -> None:
    lines = [json.loads(line) for line in logged("json").split("\n") if line]
    assert len(lines) == 3
    assert lines[0]["path"] == NASTY


@pytest.mark.parametrize("value", ["fine", "ünï", 5, None, ["a\n"]])
def test_what_is_fine_stays_as_it_is(value: object) -> None:
    assert show_controls(None, "info", {"event": "x", "value": value}) == {"event": "x", "value": value}
