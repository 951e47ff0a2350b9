"""Which checkpoints are kept."""

from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.training.policy import CheckpointPolicy, Timer
from tensorfleet.training.retention import Limits, Stored, to_remove


def _stored(*values, size=10):
    return [Stored(f"k{step}", 1, step, size, value) for step, value in enumerate(values)]


def _left(stored, limits, in_use=()):
    gone = {one.key for one in to_remove(stored, limits, in_use)}
    return [one.key for one in stored if one.key not in gone]


def test_the_last_and_the_best_stay():
    stored = _stored(0.9, 0.1, 0.5, None, 0.4, 0.3)
    assert _left(stored, Limits(keep_last=2, keep_best=1)) == ["k1", "k4", "k5"]
    assert _left(stored, Limits(keep_last=1, keep_best=2)) == ["k1", "k5"]
    assert _left(stored, Limits(keep_last=1, keep_best=1, lower_is_better=False)) == ["k0", "k5"]
    assert _left(stored, Limits(keep_last=1, keep_best=0)) == ["k5"]


def test_a_later_attempt_is_newer_whatever_its_step():
    stored = [Stored("old", 1, 100, 1), Stored("new", 2, 60, 1)]
    assert _left(stored, Limits(keep_last=1)) == ["new"]


def test_the_quota_takes_the_oldest_first_and_the_best_last():
    stored = _stored(0.2, 0.1, 0.5, 0.4, 0.3)
    keep = {"keep_last": 5, "keep_best": 2}
    assert _left(stored, Limits(**keep, max_bytes=40)) == ["k0", "k1", "k3", "k4"]
    assert _left(stored, Limits(**keep, max_bytes=25)) == ["k1", "k4"]
    assert _left(stored, Limits(**keep, max_bytes=1)) == ["k4"]


def test_what_is_in_use_stays():
    stored = _stored(None, None, None)
    assert _left(stored, Limits(keep_last=1, max_bytes=1), in_use=["k0"]) == ["k0", "k2"]


_checkpoints = st.lists(
    st.builds(
        Stored,
        key=st.uuids().map(str),
        attempt=st.integers(0, 3),
        step=st.integers(0, 30),
        bytes=st.integers(0, 100),
        value=st.none() | st.floats(-5, 5),
    ),
    unique_by=(lambda one: one.key, lambda one: one.age_order),
)
_limits = st.builds(
    Limits,
    keep_last=st.integers(1, 4),
    keep_best=st.integers(0, 3),
    lower_is_better=st.booleans(),
    max_bytes=st.none() | st.integers(0, 300),
)


@given(_checkpoints, _limits, st.data())
def test_what_holds_for_all(stored, limits, data):
    in_use = data.draw(st.lists(st.sampled_from(sorted(one.key for one in stored)))) if stored else []
    removed = to_remove(stored, limits, in_use)
    left = [one for one in stored if one not in removed]
    newest = sorted(stored, key=lambda one: one.age_order)[-limits.keep_last :]

    assert set(removed) <= set(stored)
    assert list(removed) == sorted(removed, key=lambda one: one.age_order)
    assert not stored or max(stored, key=lambda one: one.age_order) in left
    assert set(in_use) <= {one.key for one in left}
    assert to_remove(left, limits, in_use) == (), "a second look finds nothing to do"
    if limits.max_bytes is None:
        assert set(newest) <= set(left)
        assert len(left) <= limits.keep_last + limits.keep_best + len(set(in_use))
        best = sorted(
            (one.value for one in stored if one.value is not None), reverse=not limits.lower_is_better
        )
        kept = sorted(
            (one.value for one in left if one.value is not None), reverse=not limits.lower_is_better
        )
        assert kept[: limits.keep_best] == best[: limits.keep_best]
    elif sum(one.bytes for one in left) > limits.max_bytes:
        fixed = {max(stored, key=lambda one: one.age_order).key, *in_use}
        assert {one.key for one in left if one.bytes} <= fixed


def test_which_metric_is_watched():
    values = {"rmse": 3.0, "accuracy": 0.5}
    assert CheckpointPolicy().watched(values) == 0.5
    assert not CheckpointPolicy().limits(values).lower_is_better
    assert CheckpointPolicy().watched({"loss": 0.1, **values}) == 0.1
    assert CheckpointPolicy().limits({"loss": 0.1}).lower_is_better
    assert CheckpointPolicy(metric="rmse").watched(values) == 3.0
    assert CheckpointPolicy(metric="rmse").limits(values).lower_is_better
    assert not CheckpointPolicy(metric="rmse", mode="max").limits(values).lower_is_better
    assert CheckpointPolicy(metric="f1").watched(values) is None
    assert CheckpointPolicy().watched({}) is None


def test_when_a_save_is_due():
    policy = CheckpointPolicy.of({"checkpoint": {"every_epochs": None, "every_steps": 3, "keep_last": 5}})
    assert (policy.keep_last, policy.keep_best) == (5, 1)
    assert [step for step in range(1, 8) if policy.after_step(step)] == [3, 6]
    assert not any(policy.after_epoch(epoch) for epoch in range(5))
    assert CheckpointPolicy.of({}) == CheckpointPolicy()

    now = [0.0]
    timer = Timer(2.0, lambda: now[0])
    assert not timer.due()
    now[0] = 120.0
    assert timer.due()
    timer.reset()
    assert not timer.due()
    assert not Timer(None, lambda: now[0]).due()
