"""One question and its answer over a socket file: a line of JSON there, a line back, and the link is closed."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

ANSWER_LIMIT_S = 2.0
_QUESTION_LIMIT_BYTES = 1 << 20


def ask(path: str | Path, question: dict[str, Any], handed: socket.socket | None = None) -> dict[str, Any]:
    """The answer; `handed` goes to the other side with the question.

    Raises:
        OSError: nobody listens at `path`, or there is no answer in time (TimeoutError).
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(ANSWER_LIMIT_S)
        link.connect(str(path))
        line = json.dumps(question).encode() + b"\n"
        sent = socket.send_fds(link, [line], [handed.fileno()]) if handed else 0
        link.sendall(line[sent:])
        with link.makefile("rb") as answers:
            answer = answers.readline()
    if not answer:
        raise ConnectionResetError("the other side has ended")
    found: dict[str, Any] = json.loads(answer)
    return found


def hear(link: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The question that comes over an accepted link, and the descriptors that came with it.

    Raises:
        OSError: it does not come in time, or the other side has ended.
        ValueError: it is no JSON object, or too long.
    """
    data, handed = b"", []
    while not data.endswith(b"\n"):
        piece, descriptors, _, _ = socket.recv_fds(link, 1 << 16, 4)
        handed += descriptors
        data += piece
        if not piece:
            raise ConnectionResetError("the question was not finished")
        if len(data) > _QUESTION_LIMIT_BYTES:
            raise ValueError("the question is too long")
    question = json.loads(data)
    if not isinstance(question, dict):
        raise ValueError("a question is an object")
    return question, handed


def answer(link: socket.socket, said: dict[str, Any]) -> None:
    link.sendall(json.dumps(said).encode() + b"\n")
