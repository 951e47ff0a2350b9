"""A model's card: what is known of it as a document for people (Mitchell et al., "Model Cards", 2019).  No input or output."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tensorfleet.errors import InvalidInput
from tensorfleet.kit.clock import rfc3339
from tensorfleet.kit.units import format_bytes
from tensorfleet.registry.model import ModelVersion, TrackedJob

CARD_FILE = "card.md"
_MOST_CLASSES = 20
_MOST_COLUMNS = 50
_MARKUP = re.compile(r"([\\`*{}\[\]<>#|~$!]|(?<![^\W_])_|_(?![^\W_]))")
"""Also an underscore, where it is not inside of a word."""
_WORDS = (
    ("Description", "description"),
    ("Intended use", "intended_use"),
    ("Limitations", "limitations"),
)
_PACKAGES = ("scikit-learn", "torch", "xgboost", "xgboost-cpu", "lightgbm", "transformers", "numpy")


def render_card(job: TrackedJob, provenance: Mapping[str, Any] | None = None) -> str:
    """The card of a completed job's model, as Markdown; all that users wrote is text in it, never markup.

    Args:
        provenance: the document of what the job was made of, where it is kept.

    Raises:
        InvalidInput: the job's result is not one that a trainer of ours leaves.
    """
    try:
        return _rendered(job, provenance)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InvalidInput(f"the result of job {job.id} cannot be shown as a card: {error!r}") from error


def _rendered(job: TrackedJob, provenance: Mapping[str, Any] | None) -> str:
    result = job.result or {}
    model, evaluation = result.get("model") or {}, result.get("evaluation") or {}
    said = job.spec.get("model") or {}
    parts = [f"# {_text(job.spec.get('model_name') or job.name)}"]
    parts += [_section(title, _paragraphs(said.get(field))) for title, field in _WORDS]
    parts += [
        _section("Model", _table(("", ""), _model(job, model))),
        _section("Data", _table(("", ""), _data(job, model, evaluation))),
        _section("Hyperparameters", _table(("name", "value"), _hyperparameters(job, provenance))),
        _section("Metrics", _metrics(job.metrics, evaluation)),
        _section("Classes", _classes(evaluation)),
        _section("Confusion", _confusion(evaluation)),
        _section("Columns that matter", _importance(evaluation)),
        _section("Inputs and output", _signature(model)),
        _section("Formats", _formats(model)),
        _section("Provenance", _table(("", ""), _provenance(job, provenance or {}))),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def with_version(card: str, version: ModelVersion) -> str:
    """The card under the name and number by which it was asked for."""
    aliases = f" ({_text(', '.join(version.aliases))})" if version.aliases else ""
    _, _, rest = card.partition("\n")
    return f"# {_text(version.name)}, version {version.version}{aliases}\n{rest}"


def _model(job: TrackedJob, model: Mapping[str, Any]) -> list[tuple[str, Any]]:
    files = model.get("files") or ()
    size = format_bytes(sum(float(one["bytes"]) for one in files))
    return [
        ("algorithm", job.spec.get("algorithm")),
        ("task", str(model.get("task") or "").replace("_", " ")),
        ("target", model.get("target")),
        ("trained", rfc3339(job.started_at)),
        ("workers", job.workers),
        ("files", f"{len(files)}, {size}"),
    ]


def _data(job: TrackedJob, model: Mapping[str, Any], evaluation: Mapping[str, Any]) -> list[tuple[str, Any]]:
    dataset, split = job.inputs.get("dataset") or {}, evaluation.get("split") or {}
    rows = split.get("rows") or {}
    by = (
        f"{split['by']}{' of ' + str(split['column']) if split.get('column') else ''}"
        if split.get("by")
        else ""
    )
    parts = ", ".join(f"{count} {name}" for name, count in rows.items() if count)
    return [
        ("dataset", f"{dataset['name']}@{dataset['version']}" if dataset else None),
        ("SHA-256", dataset.get("digest")),
        ("rows", dataset.get("rows")),
        ("columns learned from", len((model.get("signature") or {}).get("inputs") or ()) or None),
        ("split", f"{by}: {parts}" if parts else by),
        ("held-out rows", evaluation.get("held_out_rows")),
    ]


def _hyperparameters(job: TrackedJob, provenance: Mapping[str, Any] | None) -> list[tuple[str, Any]]:
    found = (provenance or {}).get("hyperparameters") or job.spec.get("hyperparameters") or {}
    return list(found.items())


def _metrics(metrics: Mapping[str, Any], evaluation: Mapping[str, Any]) -> str:
    validation = evaluation.get("validation") or {}
    folds = (evaluation.get("cross_validation") or {}).get("metrics") or {}
    rows = []
    for name, value in metrics.items():
        if name.removeprefix("cv_") in folds and name.startswith("cv_"):
            continue  # stands in the row of the metric itself
        fold = folds.get(name)
        spread = f"{_number(fold['mean'])} ± {_number(fold['std'])}" if fold else None
        rows.append((name, value, validation.get(name), spread))
    titles = ("metric", "held out", "validation", "cross-validated")
    used = [0, 1, *(n for n in (2, 3) if any(row[n] is not None for row in rows))]
    return _table([titles[n] for n in used], [[row[n] for n in used] for row in rows])


def _classes(evaluation: Mapping[str, Any]) -> str:
    names = ("class", "precision", "recall", "f1", "support")
    found = evaluation.get("per_class") or ()
    return _table(names, [[one[name] for name in names] for one in found])


def _confusion(evaluation: Mapping[str, Any]) -> str:
    labels, counts = evaluation.get("labels") or (), evaluation.get("confusion") or ()
    if not labels or len(labels) > _MOST_CLASSES:
        return ""
    rows = [[label, *row] for label, row in zip(labels, counts, strict=True)]
    return _table(["truth, predicted as", *labels], rows)


def _importance(evaluation: Mapping[str, Any]) -> str:
    found = (evaluation.get("details") or {}).get("importance") or {}
    rows = [(one["column"], one["importance"]) for one in found.get("columns") or ()]
    return _table(("column", f"importance by {str(found.get('by')).replace('_', ' ')}"), rows)


def _signature(model: Mapping[str, Any]) -> str:
    signature = model.get("signature") or {}
    inputs = signature.get("inputs") or []
    rows = [(one.get("name"), one.get("type")) for one in inputs[:_MOST_COLUMNS]]
    more = [(f"and {len(inputs) - _MOST_COLUMNS} more", "")] if len(inputs) > _MOST_COLUMNS else []
    output = [("→ output", ", ".join(str(one.get("type")) for one in signature.get("outputs") or ()))]
    return _table(("column", "type"), [*rows, *more, *output]) if inputs else ""


def _formats(model: Mapping[str, Any]) -> str:
    rows = [
        (
            one["format"],
            one.get("file") or "not published",
            one.get("reason")
            or f"the same on {one['rows']} rows: numbers differ by {one['max_difference']:.2g}, {one['tolerance']:g} is allowed",
        )
        for one in model.get("formats") or ()
    ]
    return _table(("format", "file", "compared with the model"), rows)


def _provenance(job: TrackedJob, document: Mapping[str, Any]) -> list[tuple[str, Any]]:
    environment, code = document.get("environment") or {}, document.get("code") or {}
    git = code.get("git") or {}
    versions = dict(str(one).split("==", 1) for one in environment.get("packages") or () if "==" in str(one))
    packages = ", ".join(f"{name} {versions[name]}" for name in _PACKAGES if name in versions)
    return [
        ("job", f"{job.id}, attempt {job.attempt}"),
        ("seed", job.spec.get("seed")),
        ("commit", git.get("commit")),
        ("TensorFleet", environment.get("tensorfleet")),
        ("Python", environment.get("python")),
        ("packages", packages),
        ("document", (job.result or {}).get("provenance")),
    ]


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _table(titles: Sequence[Any], rows: Iterable[Sequence[Any]]) -> str:
    """A table of those rows that say something."""
    shown = [row for row in rows if any(value not in (None, "") for value in row[1:])]
    if not shown:
        return ""
    lines = [titles, ["---"] * len(titles), *shown]
    return "\n".join(
        "| " + " | ".join(cell if cell == "---" else _text(_number(cell)) for cell in line) + " |"
        for line in lines
    )


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5g}"
    return "" if value is None else str(value)


def _text(value: str) -> str:
    """One line of text, with nothing in it that Markdown or HTML would take for markup."""
    plain = " ".join("".join(one if one.isprintable() else " " for one in str(value)).split())
    return _MARKUP.sub(r"\\\1", plain.replace("&", "&amp;")).replace("\\<", "&lt;").replace("\\>", "&gt;")


def _paragraphs(value: Any) -> str:
    blocks = re.split(r"\n\s*\n", str(value or ""))
    texts = [_text(block) for block in blocks]
    # Nor does a block begin a list or a heading.
    return "\n\n".join(re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", text) for text in texts if text)
