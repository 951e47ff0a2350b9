"""Boosters in files that anyone may have written: what is wrong is told before a library follows it."""

import contextlib
import random
import struct

import lightgbm
import numpy as np
import pytest
import xgboost
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.errors import InvalidInput
from tensorfleet.training import lightgbm_text, xgboost_file
from tensorfleet.training.boosted_model import open_booster
from tensorfleet.training.ubjson import NotUbjson, read_ubjson, write_ubjson

X = np.random.default_rng(0).normal(size=(200, 3))
Y = (X[:, 0] + X[:, 1] > 0) + (X[:, 2] > 0.5)
CHECKS = {"xgboost": xgboost_file.rewritten, "lightgbm": lightgbm_text.rewritten}


@pytest.fixture(scope="module")
def boosters():
    three = {"objective": "multi:softprob", "num_class": 3, "max_depth": 3, "nthread": 1}
    trees = xgboost.train(three, xgboost.QuantileDMatrix(X, Y), 2)
    same = {"objective": "multiclass", "num_class": 3, "num_leaves": 5, "verbosity": -1, "num_threads": 1}
    text = lightgbm.train(same, lightgbm.Dataset(X, Y, params=same), 2).model_to_string()
    return {"xgboost": bytes(trees.save_raw("ubj")), "lightgbm": lightgbm_text.essential(text).encode()}


@pytest.mark.parametrize("library", CHECKS)
def test_whole_boosters_pass_and_predict(boosters, library):
    found = open_booster(library, CHECKS[library](boosters[library], 3, 3)).predict(X)
    assert found.shape == (200, 3)
    assert np.array_equal(found, open_booster(library, boosters[library]).predict(X))
    assert (found.argmax(axis=1) == Y).mean() > 0.7


@pytest.mark.parametrize("library", CHECKS)
@pytest.mark.parametrize(("columns", "groups"), [(2, 3), (4, 3), (3, 1), (3, 4)])
def test_a_booster_of_another_shape_is_told(boosters, library, columns, groups):
    with pytest.raises(InvalidInput, match="for 3 columns and 3 classes"):
        CHECKS[library](boosters[library], columns, groups)


@pytest.mark.parametrize("library", CHECKS)
@pytest.mark.parametrize(
    "data", [b"", b"tree", b"{", b"\x00" * 99, b"tree\nversion=v4\n", b"{}", b"[]", b"[$d#L"]
)
def test_other_bytes_are_told(library, data):
    with pytest.raises(InvalidInput):
        CHECKS[library](data, 3, 3)


@pytest.mark.parametrize("library", CHECKS)
def test_each_cut_is_told(boosters, library):
    data = boosters[library]
    end = len(data) if library == "xgboost" else data.index(b"end of trees")
    for length in range(0, end, 97):
        with pytest.raises(InvalidInput):
            CHECKS[library](data[:length], 3, 3)


def _array(name, number, value):
    """Where the number-th value of a typed array in a tree is replaced."""

    def replaced(data):
        at = data.index(name.encode() + b"[$l#L") + len(name) + 5 + 8 + 4 * number
        return data[:at] + struct.pack(">i", value) + data[at + 4 :]

    return replaced


def _listed(name, length, before, after):
    """Where the first values of a list of numbers are replaced."""
    start = name.encode() + b"[#L" + struct.pack(">q", length)
    return lambda data: data.replace(start + before, start + after)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_array("left_children", 0, 10_000), "outside it"),
        (_array("left_children", 0, -7), "outside it"),
        (_array("right_children", 0, 0), "outside it"),
        (_array("right_children", 0, 1), "paths meet"),
        (_array("right_children", 0, -1), "outside it"),
        (_array("split_indices", 0, 3), "columns that do not exist"),
        (_array("split_indices", 0, -1), "columns that do not exist"),
        (_listed("tree_info", 6, b"i\x00", b"i\x09"), "trees that it speaks of"),
        (_listed("iteration_indptr", 3, b"i\x00i\x03", b"i\x00i\x63"), "trees that it speaks of"),
        (lambda d: d.replace(b"gbtree", b"gblinr"), "KeyError|kind"),
    ],
)  # fmt: skip
def test_crafted_trees_of_xgboost_are_told(boosters, change, message):
    crafted = change(boosters["xgboost"])
    assert crafted != boosters["xgboost"]
    with pytest.raises(InvalidInput, match=message):
        xgboost_file.rewritten(crafted, 3, 3)


def _first(name, value):
    """Replaces the first value of the first line of that name."""

    def replaced(text):
        head, _, rest = text.partition(f"\n{name}=")
        line, _, tail = rest.partition("\n")
        return f"{head}\n{name}={' '.join([value, *line.split()[1:]])}\n{tail}"

    return replaced


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_first("left_child", "77"), "outside it"),
        (_first("left_child", "-77"), "outside it"),
        (_first("right_child", "0"), "outside it"),
        (_first("left_child", "-1 -1"), "lacks some"),
        (_first("split_feature", "3"), "columns that do not exist"),
        (_first("decision_type", "1"), "over categories"),
        (_first("num_cat", "1"), "over categories"),
        (_first("num_leaves", "4000000000"), "without leaves"),
        (_first("leaf_value", ""), "lacks some"),
        (lambda text: text.replace("num_class=3", "num_class=3\nnum_class=9", 1), "stands twice"),
        (lambda text: text.replace("\nTree=1\n", "\nTree=5\n", 1), "wrong place"),
    ],
)
def test_crafted_trees_of_lightgbm_are_told(boosters, change, message):
    crafted = change(boosters["lightgbm"].decode())
    with pytest.raises(InvalidInput, match=message):
        lightgbm_text.rewritten(crafted.encode(), 3, 3)


def test_a_path_that_leads_back_is_told(boosters):
    text = boosters["lightgbm"].decode()
    line = next(line for line in text.splitlines() if line.startswith("left_child="))
    inner = [n for n in range(1, 4) if str(n) in line.removeprefix("left_child=").split()]
    crafted = text.replace(line, "left_child=" + " ".join([str(inner[0])] * 4), 1)
    with pytest.raises(InvalidInput, match=r"paths meet|outside"):
        lightgbm_text.rewritten(crafted.encode(), 3, 3)


@pytest.mark.parametrize("library", CHECKS)
def test_what_passes_is_read_and_predicts_whatever_else_is_wrong(boosters, library):
    """Bytes changed at random: told, or harmless."""
    chance = random.Random(3)
    data, passed = boosters[library], 0
    for _ in range(150):
        changed = bytearray(data)
        for _ in range(chance.randint(1, 3)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        try:
            found = open_booster(library, CHECKS[library](bytes(changed), 3, 3)).predict(X[:5])
        except InvalidInput:
            continue
        passed += 1
        assert found.shape == (5, 3)
    assert passed


@given(st.binary(max_size=60))
def test_any_bytes_give_a_value_or_are_told(data):
    with contextlib.suppress(NotUbjson):
        read_ubjson(data)


def test_values_of_all_kinds_are_read():
    length = struct.pack(">q", 2)
    typed = b"[$d#L" + length + struct.pack(">ff", 1.5, -2.0)
    data = (
        b"{i\x01aTi\x01bZi\x01c[i\x05SU\x02hi]i\x01d"
        + typed
        + b"i\x01e[#U\x01D"
        + struct.pack(">d", 0.1)
        + b"}"
    )
    found = read_ubjson(data)
    assert found["d"].tolist() == [1.5, -2.0]
    assert {name: value for name, value in found.items() if name != "d"} == {
        "a": True,
        "b": None,
        "c": [5, "hi"],
        "e": [0.1],
    }
    many = [b"[#L" + struct.pack(">q", count) for count in (2**62, -1)]
    for wrong in (
        data + b"Z",
        data[:-1],
        b"[" * 40,
        b"{i\x01aTi\x01aT}",
        *many,
        b"SU\x01\xff",
        b"Sd\0\0\0\0",
    ):
        with pytest.raises(NotUbjson):
            read_ubjson(wrong)


def test_what_is_written_is_read():
    kinds = [np.array([1, -2], dtype=kind) for kind in ("i4", "i8", "f4")] + [np.array([3], dtype="u1")]
    found = read_ubjson(write_ubjson({"a": "texts", "b": [1, {"c": kinds}]}))
    assert found["b"][0] == 1
    assert found["a"] == "texts"
    for one, other in zip(found["b"][1]["c"], kinds, strict=True):
        assert one.dtype == other.dtype
        assert one.tolist() == other.tolist()
