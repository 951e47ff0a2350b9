"""LightGBM's text of a model, written anew from what was read in it and understood.

The library follows the sizes and the node and column numbers of a text without checking all of them, and some texts crash
its reader; a crafted one could crash us.  So it gets to see a text of ours only.
"""

from __future__ import annotations

import re

from tensorfleet.errors import InvalidInput
from tensorfleet.training.tree_checks import check_columns, check_paths

_OBJECTIVE = re.compile(r"regression|binary sigmoid:1|multiclass num_class:\d+")
_WHOLE = re.compile(r"-?\d{1,10}")
_NUMBER = re.compile(r"-?(\d{1,400}(\.\d{0,400})?(e[-+]?\d{1,4})?|inf|nan)")
_RANGE = re.compile(rf"none|\[{_NUMBER.pattern}:{_NUMBER.pattern}\]")
_INNER = (
    ("split_feature", _WHOLE), ("split_gain", _NUMBER), ("threshold", _NUMBER), ("decision_type", _WHOLE),
    ("left_child", _WHOLE), ("right_child", _WHOLE),
)  # fmt: skip
_LEAVES = (("leaf_value", _NUMBER), ("leaf_weight", _NUMBER), ("leaf_count", _WHOLE))
_INNER_TOO = (("internal_value", _NUMBER), ("internal_weight", _NUMBER), ("internal_count", _WHOLE))
_MOST_LEAVES = 1_000_000
_END = "\nend of trees\n"


def essential(text: str) -> str:
    """A text of LightGBM's own making without what does not belong to its trees, such as the ports of the run."""
    return text[: text.index(_END) + len(_END)]


def rewritten(data: bytes, columns: int, groups: int) -> bytes:
    """The same trees as a text that LightGBM can read.

    Args:
        columns: how many the trees may ask for.
        groups: trees of one round: as many as classes, 1 for two classes and for numbers.

    Raises:
        InvalidInput: there are none, or they cannot be followed.
    """
    try:
        text, end, _ = data.decode().partition(_END)
        head, *trees = text.split("\nTree=")
        if not end or not head.startswith("tree\n"):
            raise ValueError("it has no beginning or no end")
        lines = _head(head, columns, groups)
        written = [_tree(number, tree, columns) for number, tree in enumerate(trees)]
        if len(written) % groups:
            raise InvalidInput("the booster does not have the trees that it speaks of")
        lines["tree_sizes"] = " ".join(str(len(tree)) for tree in written)
        top = "".join(f"{name}={value}\n" for name, value in lines.items())
        return f"tree\n{top}\n{''.join(written)}{_END[1:]}".encode()
    except (KeyError, ValueError, OverflowError) as error:
        raise InvalidInput(
            f"the booster is no model of LightGBM ({type(error).__name__}: {error})"
        ) from error


def _head(text: str, columns: int, groups: int) -> dict[str, str | int]:
    about = _fields(text)
    found = tuple(
        int(_checked(about[name], _WHOLE))
        for name in ("max_feature_idx", "num_class", "num_tree_per_iteration")
    )
    if found != (columns - 1, groups, groups):
        raise InvalidInput(
            f"the booster is for {found[0] + 1} columns and {found[1]} classes, the model for others"
        )
    ranges = [_checked(one, _RANGE) for one in about["feature_infos"].split()]
    if len(ranges) != columns:
        raise InvalidInput("the booster lacks some of its columns")
    return {
        "version": "v4",
        "num_class": groups,
        "num_tree_per_iteration": groups,
        "label_index": 0,
        "max_feature_idx": columns - 1,
        "objective": _checked(about["objective"], _OBJECTIVE),
        "feature_names": " ".join(f"Column_{number}" for number in range(columns)),
        "feature_infos": " ".join(ranges),
    }


def _tree(number: int, text: str, columns: int) -> str:
    name, _, rest = text.partition("\n")
    tree = _fields(rest)
    leaves = int(_checked(tree["num_leaves"], _WHOLE))
    if name != str(number) or not 1 <= leaves <= _MOST_LEAVES:
        raise InvalidInput("the booster holds a tree without leaves, or in the wrong place")
    if tree["num_cat"] != "0" or tree.get("is_linear", "0") != "0":
        raise InvalidInput("the booster holds a tree over categories or with lines, which none of ours does")
    values = {"num_leaves": [str(leaves)], "num_cat": ["0"]}
    for fields, count in ((_INNER, leaves - 1), (_LEAVES, leaves), (_INNER_TOO, leaves - 1)):
        values |= {name: _values(tree, name, kind, count) for name, kind in fields}
    _check_tree(values, leaves, columns)
    values |= {"is_linear": ["0"], "shrinkage": [_checked(tree["shrinkage"], _NUMBER)]}
    return (
        f"Tree={number}\n" + "".join(f"{name}={' '.join(found)}\n" for name, found in values.items()) + "\n\n"
    )


def _values(tree: dict[str, str], name: str, kind: re.Pattern[str], count: int) -> list[str]:
    found = [_checked(one, kind) for one in tree[name].split()]
    # Of a tree that is one leaf LightGBM writes the value alone.
    if len(found) != count and not (
        count == 1 and name.startswith("leaf_") and name != "leaf_value" and not found
    ):
        raise InvalidInput("the booster holds a tree that lacks some of its nodes")
    return found


def _check_tree(tree: dict[str, list[str]], leaves: int, columns: int) -> None:
    import numpy as np

    children = np.array([*tree["left_child"], *tree["right_child"]], dtype=np.int64)
    if (children < -leaves).any():
        raise InvalidInput("the booster holds a tree whose nodes point outside it")
    # A leaf is written as -1 less its number; here leaves follow the inner nodes.
    check_paths(np.where(children < 0, leaves - 2 - children, children), 2 * leaves - 1)
    check_columns(np.array(tree["split_feature"], dtype=np.int64), columns)
    # Bit 0: over categories; bits 1 to 3 say where missing numbers go.
    decisions = np.array(tree["decision_type"], dtype=np.int64)
    if ((decisions & 1) | (decisions < 0) | (decisions > 15)).any():
        raise InvalidInput("the booster holds a tree over categories, which none of ours does")


def _checked(value: str, kind: re.Pattern[str]) -> str:
    if not kind.fullmatch(value):
        raise ValueError(f"'{value[:60]}' is not what belongs there")
    return value


def _fields(text: str) -> dict[str, str]:
    """Lines `name=value`."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and name in found:
            raise ValueError(f"'{name[:60]}' stands twice")
        found[name] = value
    return found
