"""A forest over the ranks of a job: each grows its share of the trees, and rank 0 puts them together.

scikit-learn draws one seed for each tree, in order, from the forest's own; a rank skips those of the trees before its share, as
`warm_start` does.  So the forest is the one that a single rank grows, to the bit, whatever the number of ranks.
"""

from __future__ import annotations

import copy
import io
import time
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import InvalidInput
from tensorfleet.training import incremental
from tensorfleet.training.stopping import Stopped

if TYPE_CHECKING:
    import numpy as np

    from tensorfleet.training.algorithm import Grown
    from tensorfleet.training.meeting import Meeting
    from tensorfleet.training.session import Session

    Array = np.ndarray[Any, Any]


def share(total: int, rank: int, world_size: int) -> tuple[int, int]:
    """The rank's part of `total` things in a row, from and to; rank 0 has one at least, and no two differ by more than one."""
    begin = -(-total * rank // world_size)
    return begin, -(-total * (rank + 1) // world_size)


def grow_forest(
    session: Session, meeting: Meeting, grown: Grown, model: Any, X: Any, y: Array, in_pieces: bool
) -> Any:
    """The whole forest on rank 0, None on the others.  Nothing of it is saved: a forest that is cut short begins anew.

    Args:
        in_pieces: it takes long, so look now and then whether the task shall stop.

    Raises:
        Stopped: it was asked to stop.
    """
    total = getattr(model, grown.count)
    begin, end = share(total, meeting.rank, meeting.world_size)
    growth = incremental.by_warm_start(grown, model, X, y)
    if begin:
        model.estimators_ = [None] * begin  # the seeds of so many trees are skipped
    done, steps, seconds = begin, 0, 0.0
    while done < end:
        upto = min(end, done + growth.piece(steps, seconds)) if in_pieces else end
        started = time.perf_counter()
        growth.grow(model, done, upto)
        steps, seconds, done = upto - done, time.perf_counter() - started, upto
        session.beat(done)
        if in_pieces and session.stop.asked:
            raise Stopped(0)
        if meeting.rank == 0:
            session.progress(0.1 + 0.7 * (done - begin) / (end - begin))
    mine = model.estimators_[begin:] if done > begin else []
    found = meeting.gather(pack_trees(mine) if meeting.rank else b"")
    if found is None:
        return None
    for data in found[1:]:
        model.estimators_ += unpack_trees(data, model.estimators_[0])
    if len(model.estimators_) != total:
        raise InvalidInput(
            f"the ranks grew {len(model.estimators_)} trees of {total}; do all run the same job?"
        )
    return model.set_params(**{grown.count: total})


def pack_trees(trees: list[Any]) -> bytes:
    """What differs between the trees of one forest: seeds, and the nodes and values of each, one after the other."""
    import numpy as np

    out = io.BytesIO()
    states = [tree.tree_.__getstate__() for tree in trees]
    about = [
        (tree.random_state, state["max_depth"], state["node_count"])
        for tree, state in zip(trees, states, strict=True)
    ]
    np.save(out, np.array(about, dtype=np.int64).reshape(-1, 3), allow_pickle=False)
    if trees:
        np.save(out, np.concatenate([state["nodes"] for state in states]), allow_pickle=False)
        np.save(out, np.concatenate([state["values"] for state in states]), allow_pickle=False)
    return out.getvalue()


def unpack_trees(data: bytes, like: Any) -> list[Any]:
    """The trees again, in all else as `like`, a tree of the same forest.

    Raises:
        InvalidInput: these are no such trees.
    """
    import numpy as np

    source = io.BytesIO(data)
    try:
        about = np.load(source, allow_pickle=False)
        if not len(about):
            return []
        nodes, values = np.load(source, allow_pickle=False), np.load(source, allow_pickle=False)
        ends = np.cumsum(about[:, 2])
        if ends[-1] != len(nodes) or ends[-1] != len(values) or (about[:, 2] < 1).any():
            raise ValueError("the counts of nodes do not add up")
        return [
            _tree(like, int(seed), int(depth), nodes[end - count : end], values[end - count : end])
            for (seed, depth, count), end in zip(about, ends, strict=True)
        ]
    except (ValueError, EOFError, IndexError, TypeError) as error:
        raise InvalidInput(f"another rank's trees cannot be read: {error}") from error


def _tree(like: Any, seed: int, depth: int, nodes: Array, values: Array) -> Any:
    made = copy.copy(like)
    vars(made).update({name: _own(value) for name, value in vars(like).items() if name != "tree_"})
    kind, arguments, _ = like.tree_.__reduce__()
    made.random_state = seed
    made.tree_ = kind(*arguments)
    made.tree_.__setstate__(
        {"max_depth": depth, "node_count": len(nodes), "nodes": nodes.copy(), "values": values.copy()}
    )
    return made


def _own(value: Any) -> Any:
    """An equal value that no other tree holds: files of models tell one object from two."""
    import numpy as np

    return np.array(value)[()] if isinstance(value, np.generic) else copy.deepcopy(value)
