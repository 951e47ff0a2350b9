"""The types of the web page's client: what the API's description says of each call, as TypeScript.

python -m tensorfleet.testing.web_types          writes web/src/lib/api/schema.d.ts
python -m tensorfleet.testing.web_types --check  fails if that file is not what the description says
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tensorfleet.testing.description import describe_api

WEB = Path(__file__).resolve().parents[3] / "web"
TYPES = WEB / "src/lib/api/schema.d.ts"


def slim(document: dict[str, Any]) -> dict[str, Any]:
    """Without what types do not need: every refusal is a problem, and links and examples are for people."""
    document = copy.deepcopy(document)
    for calls in document["paths"].values():
        for operation in calls.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"] = {
                    code: {part: value for part, value in answer.items() if part not in ("links", "headers")}
                    for code, answer in operation["responses"].items()
                    if code.startswith("2")
                }
    return document


def types_of(document: dict[str, Any]) -> str:
    """Needs the packages of web/ (`make setup-web`)."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(slim(document), file)
        file.flush()
        command = ["node_modules/.bin/openapi-typescript", file.name, "--alphabetize"]
        return subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=True).stdout


def main() -> int:
    wanted = types_of(describe_api())
    if "--check" in sys.argv:
        if TYPES.read_text() == wanted:
            return 0
        sys.stderr.write(f"{TYPES.relative_to(WEB.parent)} is not what the API is: run `make web-types`\n")
        return 1
    TYPES.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
