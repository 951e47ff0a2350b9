"""A small graph of datasets, jobs and models."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from tensorfleet.kit.clock import rfc3339

MOST_NODES = 500


class NodeKind(StrEnum):
    DATASET = "dataset"
    JOB = "job"
    STUDY = "study"
    MODEL = "model"


class EdgeKind(StrEnum):
    READ = "read"
    """From a dataset to the job that read it."""
    MADE = "made"
    """From a job to the model that came of it."""
    TRIAL = "trial"
    """From a study to a job of it."""
    FORK = "fork"
    REPLAY = "replay"
    """From a job to another one that went on from it, or did the same again."""


@dataclass(frozen=True)
class Node:
    """`status` is a job's, `aliases` are a model version's."""

    id: str
    kind: NodeKind
    name: str
    workspace: str
    version: int | None = None
    status: str | None = None
    aliases: tuple[str, ...] = ()
    created_at: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind.value,
            "name": self.name,
            "workspace": self.workspace,
            "version": self.version,
            "status": self.status,
            "aliases": list(self.aliases),
            "created_at": rfc3339(self.created_at),
        }


@dataclass(frozen=True)
class JobLink:
    """A job with what it hangs on; `study` is the one that it is a trial of."""

    node: Node
    dataset: str | None = None
    dataset_version: int | None = None
    parent: str | None = None
    replay: bool = False
    study: str | None = None


@dataclass(frozen=True)
class ModelLink:
    node: Node
    job_id: str | None


def dataset_node(name: str, version: int, workspace: str, created_at: datetime | None = None) -> Node:
    return Node(_named(NodeKind.DATASET, name, version, workspace), NodeKind.DATASET, name, workspace, version,
                created_at=created_at)  # fmt: skip


def model_id(name: str, version: int, workspace: str) -> str:
    return _named(NodeKind.MODEL, name, version, workspace)


def _named(kind: NodeKind, name: str, version: int, workspace: str) -> str:
    return f"{kind.value}:{workspace}/{name}@{version}"


@dataclass
class Graph:
    """Takes so many nodes, and none that may not be shown; edges are those between nodes that it has taken."""

    shows: Callable[[Node], bool]
    most: int = MOST_NODES
    cut: bool = False
    nodes: dict[str, Node] = field(default_factory=dict)
    _edges: dict[tuple[str, str, EdgeKind], None] = field(default_factory=dict)

    def add(self, node: Node) -> bool:
        """Whether the node is in the graph now."""
        if node.id in self.nodes:
            return True
        if not self.shows(node):
            return False
        if len(self.nodes) >= self.most:
            self.cut = True
            return False
        self.nodes[node.id] = node
        return True

    def join(self, origin: str, target: str, kind: EdgeKind) -> None:
        self._edges[origin, target, kind] = None

    def add_jobs(self, links: Iterable[JobLink]) -> list[JobLink]:
        """Those that were new, with the edges to what they hang on."""
        new = [link for link in links if link.node.id not in self.nodes and self.add(link.node)]
        for link in new:
            if link.parent is not None:
                self.join(link.parent, link.node.id, EdgeKind.REPLAY if link.replay else EdgeKind.FORK)
            if link.study is not None:
                self.join(link.study, link.node.id, EdgeKind.TRIAL)
        return new

    def add_read(self, links: Iterable[JobLink]) -> None:
        """The datasets that these jobs have read."""
        for link in links:
            if link.dataset is not None and link.dataset_version is not None:
                node = dataset_node(link.dataset, link.dataset_version, link.node.workspace)
                self.add(node)
                self.join(node.id, link.node.id, EdgeKind.READ)

    def add_models(self, links: Iterable[ModelLink]) -> None:
        for link in links:
            self.add(link.node)
            if link.job_id is not None:
                self.join(link.job_id, link.node.id, EdgeKind.MADE)

    def to_dict(self) -> dict[str, Any]:
        edges = [
            {"from": origin, "to": target, "kind": kind.value}
            for origin, target, kind in self._edges
            if origin in self.nodes and target in self.nodes
        ]
        return {"nodes": [node.to_dict() for node in self.nodes.values()], "edges": edges, "cut": self.cut}
