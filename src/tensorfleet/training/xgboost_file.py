"""XGBoost's file of a model, written anew from what was read in it and understood.

The library follows the node, column and class numbers of a file without checking all of them, and some files crash its reader;
a crafted one could crash us.  So it gets to see a file of ours only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import InvalidInput
from tensorfleet.training.tree_checks import check_columns, check_paths
from tensorfleet.training.ubjson import read_ubjson, write_ubjson

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_OBJECTIVES = {
    "binary:logistic": "reg_loss_param",
    "multi:softprob": "softmax_multiclass_param",
    "reg:squarederror": "reg_loss_param",
}
_NUMBER = r"-?\d{1,40}(\.\d{1,40})?(E-?\d{1,2})?"
_SCORES = re.compile(rf"\[{_NUMBER}(,{_NUMBER})*\]")
_FLOATS = ("base_weights", "loss_changes", "split_conditions", "sum_hessian")
_NONE = {"categories": "i4", "categories_nodes": "i4", "categories_segments": "i8", "categories_sizes": "i8"}
_ROOTS_PARENT = 2**31 - 1


def rewritten(data: bytes, columns: int, groups: int) -> bytes:
    """The same trees as a file that XGBoost can read.

    Args:
        columns: how many the trees may ask for.
        groups: trees of one round: as many as classes, 1 for two classes and for numbers.

    Raises:
        InvalidInput: there are none, or they cannot be followed.
    """
    try:
        learner = read_ubjson(data)["learner"]
        booster = learner["gradient_booster"]
        if booster["name"] != "gbtree":
            raise InvalidInput("the booster is of a kind that none of ours is")
        about = _about(learner["learner_model_param"], columns, groups)
        objective = _objective(learner["objective"]["name"], groups)
        return write_ubjson(
            {
                "learner": {
                    "attributes": {},
                    "feature_names": [],
                    "feature_types": [],
                    "gradient_booster": {
                        "model": _model(booster["model"], columns, groups),
                        "name": "gbtree",
                    },
                    "learner_model_param": about,
                    "objective": objective,
                },
                "version": [3, 0, 0],
            }
        )
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise InvalidInput(f"the booster is no model of XGBoost ({type(error).__name__}: {error})") from error


def _about(given: Mapping[str, str], columns: int, groups: int) -> dict[str, str]:
    found = (int(given["num_feature"]), max(1, int(given["num_class"])), int(given["num_target"]))
    if found != (columns, groups, 1):
        raise InvalidInput(
            f"the booster is for {found[0]} columns and {found[1]} classes, the model for others"
        )
    score = given["base_score"]
    if not _SCORES.fullmatch(score) or score.count(",") not in (0, groups - 1):
        raise InvalidInput("the booster begins with scores that are no numbers")
    return {
        "base_score": score,
        "boost_from_average": "1",
        "num_class": "0" if groups == 1 else str(groups),
        "num_feature": str(columns),
        "num_target": "1",
    }


def _objective(name: str, groups: int) -> dict[str, Any]:
    if name not in _OBJECTIVES or (name == "multi:softprob") != (groups > 1):
        raise InvalidInput(f"the booster has an objective that does not go with {groups} trees in each round")
    parameters = {"scale_pos_weight": "1"} if groups == 1 else {"num_class": str(groups)}
    return {"name": name, _OBJECTIVES[name]: parameters}


def _model(given: Mapping[str, Any], columns: int, groups: int) -> dict[str, Any]:
    import numpy as np

    trees = given["trees"]
    count = len(trees)
    whole = int(given["gbtree_model_param"]["num_trees"]) == count and count % groups == 0
    turns = [number % groups for number in range(count)]
    rounds = list(range(0, count + 1, groups))
    if not whole or list(given["tree_info"]) != turns or list(given["iteration_indptr"]) != rounds:
        raise InvalidInput("the booster does not have the trees that it speaks of")
    nothing = np.zeros(0, dtype=np.int32)
    return {
        "cats": {"enc": [], "feature_segments": nothing, "sorted_idx": nothing},
        "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(count)},
        "iteration_indptr": rounds,
        "tree_info": turns,
        "trees": [_tree(number, tree, columns) for number, tree in enumerate(trees)],
    }


def _tree(number: int, tree: Mapping[str, Any], columns: int) -> dict[str, Any]:
    import numpy as np

    nodes = int(tree["tree_param"]["num_nodes"])
    if int(tree["tree_param"]["num_deleted"]) or int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise InvalidInput("the booster holds a tree of another shape than ours")
    if any(len(tree[name]) for name in _NONE) or np.any(tree["split_type"]):
        raise InvalidInput("the booster holds a tree over categories, which none of ours does")
    left, right = (_array(tree, f"{side}_children", nodes, np.int32) for side in ("left", "right"))
    split = _array(tree, "split_indices", nodes, np.int32)
    inner = left != -1
    if (right[~inner] != -1).any():
        raise InvalidInput("the booster holds a tree with half a leaf")
    check_paths(np.concatenate((left[inner], right[inner])), nodes)
    check_columns(split[inner], columns)
    parents = np.full(nodes, _ROOTS_PARENT, dtype=np.int32)
    parents[left[inner]] = parents[right[inner]] = np.flatnonzero(inner)
    return {
        **{name: _array(tree, name, nodes, np.float32) for name in _FLOATS},
        **{name: np.zeros(0, dtype=kind) for name, kind in _NONE.items()},
        "default_left": (_array(tree, "default_left", nodes, np.uint8) != 0).astype(np.uint8),
        "id": number,
        "left_children": left,
        "parents": parents,
        "right_children": right,
        "split_indices": np.where(inner, split, 0).astype(np.int32),
        "split_type": np.zeros(nodes, dtype=np.uint8),
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(columns),
            "num_nodes": str(nodes),
            "size_leaf_vector": "1",
        },
    }


def _array(tree: Mapping[str, Sequence[float]], name: str, nodes: int, kind: type[np.generic]) -> Array:
    import numpy as np

    found = np.asarray(tree[name])
    if found.shape != (nodes,) or found.dtype != kind:
        raise InvalidInput("the booster holds a tree that lacks some of its nodes")
    return found
