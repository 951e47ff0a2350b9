"""Structured logs on stderr: one line per event, key=value for people, JSON when asked."""

from __future__ import annotations

import logging
import os
import sys

import structlog


def configure_logging(role: str) -> None:
    """Sets the process's logging up; `TENSORFLEET_LOG_FORMAT=json` and `TENSORFLEET_LOG_LEVEL` choose form and level."""
    level = getattr(logging, os.environ.get("TENSORFLEET_LOG_LEVEL", "INFO").upper(), logging.INFO)
    as_json = os.environ.get("TENSORFLEET_LOG_FORMAT") == "json"
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(
        level=max(level, logging.WARNING),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    structlog.contextvars.bind_contextvars(role=role)
