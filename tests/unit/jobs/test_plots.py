"""Pictures of evaluations: they are well-formed SVG, whatever the names in them are, and show what is recorded."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from fastapi import FastAPI

from tensorfleet.errors import InvalidInput, NotFound
from tensorfleet.gateway.problems import add_problem_handlers
from tensorfleet.jobs.plot_endpoints import build_router
from tensorfleet.jobs.plots import draw_plot, plot_names
from tensorfleet.kit.svg import Chart, plain, range_of

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert(1)</script>&\"'\x00\x1b\ud800"
CURVE = {
    "auc": 0.75,
    "average_precision": 0.5,
    "roc": {"false_positive_rate": [0.0, 0.5, 1.0], "true_positive_rate": [0.0, 1.0, 1.0]},
    "pr": {"recall": [0.5, 1.0], "precision": [1.0, 0.5]},
    "thresholds": [0.9, 0.1],
}
CLASSES = {
    "labels": ["a", HOSTILE],
    "confusion": [[3, 1], [0, 4]],
    "details": {
        "curves": [{"class": HOSTILE, **CURVE}],
        "calibration": {
            "of": HOSTILE,
            "error": 0.1,
            "bins": [{"from": 0.0, "to": 0.1, "rows": 8, "predicted": 0.05, "observed": 0.0}],
        },
        "importance": {"by": "impurity", "columns": [{"column": HOSTILE, "importance": 0.5}]},
    },
}
NUMBERS = {
    "details": {
        "residuals": {
            "histogram": {"counts": [1, 2], "edges": [-1.0, 0.0, 1.0]},
            "truth": [1.0, 2.0, 3.0],
            "predicted": [1.5, 2.0, 2.5],
        }
    }
}
SERIES = {"loss": [(1.0, 2.0), (2.0, 1.0)], HOSTILE: [(1.0, 1.0), (2.0, float("nan"))], "once": [(1.0, 1.0)]}


def _texts(svg: str) -> list[str]:
    root = ET.fromstring(svg)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "g", "rect", "line", "polyline", "circle", "text"}
    assert not any(name.startswith("on") or "href" in name for one in root.iter() for name in one.attrib)
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def test_what_is_recorded_decides_which_there_are() -> None:
    assert plot_names(CLASSES, {}) == ["confusion", "roc", "pr", "calibration", "importance"]
    assert plot_names(NUMBERS, SERIES) == ["residuals", "residual_histogram", "learning_curves"]
    assert plot_names({}, {"once": [(1.0, 1.0)]}) == []
    for odd in ([1], "text", {"details": "text"}, {"labels": 7}):
        made_up: Any = odd
        assert plot_names(made_up, {}) == []


@pytest.mark.parametrize("recorded", [(CLASSES, {}), (NUMBERS, {}), ({}, SERIES)])
def test_names_stay_text(recorded: tuple[dict[str, Any], Any]) -> None:
    for name in plot_names(*recorded):
        texts = _texts(draw_plot(name, *recorded))
        if name not in ("residuals", "residual_histogram", "pr"):
            assert any("</te" in text or "script" in text for text in texts), name


def test_the_confusion_has_its_numbers() -> None:
    texts = _texts(draw_plot("confusion", CLASSES, {}))
    assert [text for text in texts if text.isdigit()] == ["3", "1", "0", "4"]


def test_a_curve_goes_through_its_points() -> None:
    svg = ET.fromstring(draw_plot("roc", CLASSES, {}))
    diagonal, curve = (line.attrib["points"].split() for line in svg.iter(f"{SVG}polyline"))
    assert (curve[0], curve[-1]) == (diagonal[0], diagonal[-1])  # (0, 0) and (1, 1)
    middle_x, top_y = map(float, curve[1].split(","))
    assert top_y == float(diagonal[1].split(",")[1])
    assert middle_x == pytest.approx(
        (float(curve[0].split(",")[0]) + float(curve[2].split(",")[0])) / 2, abs=0.1
    )


def test_an_unknown_picture_is_told() -> None:
    with pytest.raises(NotFound, match="did you mean 'roc'"):
        draw_plot("rok", CLASSES, {})
    with pytest.raises(NotFound, match="nothing is recorded"):
        draw_plot("roc", {}, {})


@pytest.mark.parametrize(
    "broken",
    [
        {"labels": ["a"], "confusion": [["x"]]},
        {"labels": ["a"], "confusion": 7},
        {"labels": ["a"]},
        {"details": {"curves": [{"class": "a"}]}},
        {"details": {"curves": [{**CURVE, "class": "a", "roc": {"false_positive_rate": ["<"], "true_positive_rate": [1]}}]}},
        {"details": {"residuals": {"truth": [1e308], "predicted": [-1e308], "histogram": {}}}},
    ],
)  # fmt: skip
def test_what_a_task_made_up_is_refused(broken: dict[str, Any]) -> None:
    def refused(name: str) -> bool:
        try:
            return not _texts(draw_plot(name, broken, {}))
        except InvalidInput as error:
            return "cannot be drawn" in str(error)

    assert sum(map(refused, plot_names(broken, {})))


@pytest.mark.parametrize("limits", [(0.0, 0.0), (5.0, 5.0), (-1e-300, 1e-300), (1e15, 1e15 + 1), (-3e8, 7e9)])
def test_any_range_has_marks(limits: tuple[float, float]) -> None:
    chart = Chart("t", "x", "y", limits, limits)
    chart.line([(limits[0], limits[0]), (limits[1], limits[1])], "#000000")
    texts = _texts(chart.svg())
    assert len(texts) >= 5  # the title, two labels, and marks
    assert "nan" not in chart.svg()


def test_text_is_cut_and_clean() -> None:
    assert plain("a" * 100) == "a" * 39 + "…"
    assert plain("a\x00\n\ud800b\ufffe") == "a  b" or plain("a\x00\n\ud800b\ufffe").isprintable()
    assert range_of([float("nan"), 2.0, -1.0]) == (-1.0, 2.0)


async def test_they_are_served_as_pictures_that_can_do_nothing() -> None:
    def evaluation(job_id: str) -> dict[str, Any]:
        if job_id != "j-1":
            raise NotFound("there is no evaluation")
        return {"evaluation": CLASSES}

    def get(job_id: str) -> None:
        if job_id not in ("j-1", "j-2"):
            raise NotFound(f"there is no job '{job_id}'")

    jobs: Any = SimpleNamespace(evaluation=evaluation, get=get)
    app = FastAPI()
    add_problem_handlers(app)
    app.include_router(build_router(jobs, lambda job_id, points: {}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        listed = (await client.get("/jobs/j-1/plots")).json()["items"]
        assert listed[1] == {"name": "roc", "url": "/api/v1/jobs/j-1/plots/roc.svg"}
        answer = await client.get("/jobs/j-1/plots/roc.svg")
        assert answer.headers["content-type"] == "image/svg+xml"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "ROC" in _texts(answer.text)
        assert (await client.get("/jobs/j-2/plots")).json()["items"] == []
        assert (await client.get("/jobs/j-3/plots")).status_code == 404
        assert (await client.get("/jobs/j-1/plots/other.svg")).status_code == 404
