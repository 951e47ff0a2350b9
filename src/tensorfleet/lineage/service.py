"""Gathers what a dataset led to, and what a model came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tensorfleet.errors import NotFound
from tensorfleet.lineage.model import MOST_NODES, Graph, JobLink, Node, NodeKind
from tensorfleet.lineage.store import SqlLineage
from tensorfleet.registry.model import registered_name

ANCESTORS = 10
"""So far back forks and replays are followed."""


class Lineage:
    def __init__(self, store: SqlLineage, shows: Callable[[Node], bool], most: int = MOST_NODES) -> None:
        """`shows`: whether whoever asks may see a node."""
        self._store = store
        self._shows = shows
        self._most = most

    def of_dataset(self, name: str, workspace: str, version: int | None) -> Graph:
        """The jobs that have read it, the newest first, and the models that came of them.

        Raises:
            NotFound: there is no such dataset or version.
        """
        graph, limit = self._begin()
        versions = self._store.dataset(name, workspace, version, limit)
        if not versions:
            which = (
                f"version {version} of dataset" if version is not None else "dataset with a version called"
            )
            raise NotFound(
                f"there is no {which} '{name[:100]}'; `tensorfleet datasets list` shows those that there are"
            )
        for node in versions[: limit // 2]:
            graph.add(node)
        graph.cut = len(versions) > limit // 2
        readers = graph.add_jobs(self._store.readers(name, workspace, version, limit))
        studies = [link.node.id for link in readers if link.node.kind is NodeKind.STUDY]
        tried = self._store.trials_with_models(studies, limit)
        found = [*readers, *graph.add_jobs(self._store.jobs(tried))]
        self._add_relatives(graph, found)
        graph.add_models(self._store.models_of(_ids(found), limit))
        graph.add_read(found)
        return graph

    def of_model(self, name: str, workspace: str, version: int | None) -> Graph:
        """The jobs that its versions came of, their studies, what these went on from, and what all of them have read.

        Raises:
            NotFound: there is no such model or version.
        """
        graph, limit = self._begin()
        made = self._store.model(registered_name(workspace, name), version, limit)
        if not made:
            which = f"version {version} of model" if version is not None else "model"
            raise NotFound(
                f"there is no {which} '{name[:100]}'; `tensorfleet models list` shows those that there are"
            )
        graph.add_models(made[: limit // 2])
        graph.cut = len(made) > limit // 2
        makers = [link.job_id for link in made[: limit // 2] if link.job_id is not None]
        found = graph.add_jobs(self._store.jobs(makers))
        found += graph.add_jobs(self._store.jobs({link.study for link in found if link.study is not None}))
        self._add_relatives(graph, found)
        graph.add_read(found)
        return graph

    def _begin(self) -> tuple[Graph, int]:
        return Graph(self._shows, self._most), self._most + 1

    def _add_relatives(self, graph: Graph, found: list[JobLink]) -> None:
        """Forks and replays of these jobs, and what these jobs were forked from, back to the first."""
        graph.add_jobs(self._store.children(_ids(found), self._most + 1))
        young: Sequence[JobLink] = found
        for _ in range(ANCESTORS):
            parents = {link.parent for link in young if link.parent is not None} - graph.nodes.keys()
            young = graph.add_jobs(self._store.jobs(parents))
            found += young
            if not young:
                return


def _ids(links: Sequence[JobLink]) -> list[str]:
    return [link.node.id for link in links]
