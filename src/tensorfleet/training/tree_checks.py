"""What a file says of a tree, checked before anybody follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tensorfleet.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def check_paths(children: Array, nodes: int) -> None:
    """Every path from node 0 ends: it is nobody's child, and no node is the child of two.

    Raises:
        InvalidInput: that is not so, or a child is not among the nodes.
    """
    import numpy as np

    if not nodes or ((children <= 0) | (children >= nodes)).any():
        raise InvalidInput("the booster holds a tree whose nodes point outside it")
    if len(np.unique(children)) != len(children):
        raise InvalidInput("the booster holds a tree whose paths meet")


def check_columns(features: Array, columns: int) -> None:
    """All columns that are asked for exist.

    Raises:
        InvalidInput: one does not.
    """
    if ((features < 0) | (features >= columns)).any():
        raise InvalidInput("the booster holds a tree that asks for columns that do not exist")
