"""Anchors in the object store: one object for each, so that of several gateways none replaces another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tensorfleet.audit.model import Anchor, anchor_from_json, anchor_to_json
from tensorfleet.errors import NotFound

if TYPE_CHECKING:
    from tensorfleet.objects.ports import ObjectStore

FOLDER = "audit/anchors"
KEPT = 5
"""Only the newest one says where the log has to reach; the others are there should that one be lost."""
_MOST_BYTES = 1000


class ObjectAnchors:
    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def put(self, anchor: Anchor) -> None:
        self._objects.put(f"{FOLDER}/{anchor.seq:015d}-{anchor.hash[:8]}.json", anchor_to_json(anchor))
        for key in self._keys()[:-KEPT]:
            self._objects.delete(key)

    def all(self) -> list[Anchor]:
        found = []
        for key in self._keys()[-KEPT:]:
            try:
                found.append(anchor_from_json(self._objects.get_range(key, 0, _MOST_BYTES)))
            except NotFound:
                continue  # another gateway has just removed it
        return [anchor for anchor in found if anchor is not None]

    def _keys(self) -> list[str]:
        return sorted(info.key for info in self._objects.list(FOLDER))
