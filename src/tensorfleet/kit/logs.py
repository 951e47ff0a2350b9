"""Structured logs on stderr: one line per event, key=value for people, JSON when asked."""

from __future__ import annotations

import logging
import os
import sys

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from tensorfleet.kit import tracing
from tensorfleet.kit.visible import visible


def configure_logging(role: str) -> None:
    """Sets the process's logging up; `TENSORFLEET_LOG_FORMAT=json` and `TENSORFLEET_LOG_LEVEL` choose form and level.

    What libraries log, warnings and worse, takes the same form: a log is either all JSON or none of it.
    """
    level = getattr(logging, os.environ.get("TENSORFLEET_LOG_LEVEL", "INFO").upper(), logging.INFO)
    as_json = os.environ.get("TENSORFLEET_LOG_FORMAT") == "json"
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_job_and_trace,
        structlog.processors.format_exc_info,
    ]
    visible: list[Processor] = [] if as_json else [show_controls]  # JSON has its own way to write them
    structlog.configure(
        processors=[*shared, *visible, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *visible, renderer],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler])
    structlog.contextvars.bind_contextvars(role=role)


def show_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """What comes from outside can neither begin a line of the log nor speak to the terminal that it is read on."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = "\n".join(map(visible, value.split("\n"))) if key == "exception" else visible(value)
    return event


def name_job_and_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The job always as `job_id`, and the trace that the code works in, if it does."""
    if "job" in event:
        event.setdefault("job_id", event.pop("job"))
    if (parent := tracing.current.get()) is not None:
        for key, value in tracing.ids_of(parent).items():
            event.setdefault(key, value)
    return event
