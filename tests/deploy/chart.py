"""Helm in a process of its own: `chart.py lint` or `chart.py render < VALUES.json`, answered as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

CHART = Path(__file__).resolve().parents[2] / "deploy/helm/tensorfleet"


def main(what: str) -> None:
    import helm_python as helm

    values = json.load(sys.stdin)
    chart = helm.Chart.load(str(CHART))
    try:
        if what == "lint":
            answer = helm.lint(str(CHART), values, strict=True)
        else:
            chart.validate_schema(values)
            answer = chart.render(values, name="fleet", namespace="ml")
    except helm.HelmError as error:
        answer = {"error": str(error)}
    finally:
        chart.close()
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])
