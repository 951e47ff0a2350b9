"""What ranks tell each other: they stop after the same step, whoever was asked, and whenever."""

import pytest
import torch.distributed
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.training import gang
from tensorfleet.training.gang import SAVE, STOP, Agreement, Exchange


class Ranks:
    """Ranks in step: one may finish its step n + 1 once all the others have begun theirs."""

    def __init__(self, count):
        store = torch.distributed.HashStore()
        self.agreements = [Agreement(store, rank, count) for rank in range(count)]
        self.steps = [0] * count
        self.wishes = [None] * count
        self.acted = [None] * count

    def may_step(self, rank):
        return self.acted[rank] is None and self.steps[rank] <= min(self.steps)

    def step(self, rank):
        self.steps[rank] += 1
        what = self.agreements[rank].after(self.steps[rank], self.wishes[rank])
        if what:
            self.acted[rank] = (self.steps[rank], what)


@given(st.data())
def test_all_act_after_the_same_step(data):
    with pytest.MonkeyPatch.context() as patch:
        # Either everybody is asked, or the others look whether somebody was.
        looks = data.draw(st.booleans(), "looks")
        patch.setattr(gang, "_POLL_S", 0.0 if looks else 1e9)
        count = data.draw(st.integers(2, 4), "ranks")
        ranks = Ranks(count)
        if not looks:
            for agreement in ranks.agreements:
                agreement._looked_at = gang.time.monotonic()
        asked = range(count) if not looks else data.draw(st.sets(st.integers(0, count - 1), min_size=1))
        when = {rank: data.draw(st.integers(0, 30), "asked at") for rank in asked}
        for turn in range(400):
            for rank, at in when.items():
                if turn >= at:
                    ranks.wishes[rank] = STOP
            able = [rank for rank in range(count) if ranks.may_step(rank)]
            if not able:
                break
            ranks.step(data.draw(st.sampled_from(able)) if turn < 100 else able[0])
    assert None not in ranks.acted
    assert len(set(ranks.acted)) == 1
    assert ranks.acted[0][1] == STOP


def test_a_stop_wins_over_a_save_and_another_round_follows(monkeypatch):
    monkeypatch.setattr(gang, "_POLL_S", 0.0)
    ranks = Ranks(2)
    ranks.wishes = [SAVE, STOP]
    for _ in range(6):
        for rank in (1, 0):
            if ranks.may_step(rank):
                ranks.step(rank)
    assert ranks.acted[0] == ranks.acted[1]
    assert ranks.acted[0][1] == STOP

    ranks = Ranks(2)
    for round_number in (1, 2):
        ranks.acted, ranks.wishes = [None, None], [SAVE, None]
        for _ in range(6):
            for rank in (1, 0):
                if ranks.may_step(rank):
                    ranks.step(rank)
        assert ranks.acted[0] == ranks.acted[1], round_number
        assert ranks.acted[0][1] == SAVE


def test_alone_a_wish_is_granted_at_once():
    agreement = Agreement(None, 0, 1)
    assert agreement.after(1, None) is None
    assert agreement.after(2, STOP) == STOP


def test_parts_come_to_rank_0_and_are_not_awaited_twice():
    store = torch.distributed.HashStore()
    ranks = [Exchange(store, 3) for _ in range(3)]
    for rank in (1, 2):
        ranks[rank].give(5, rank, {"mine": rank})
    assert ranks[0].take(5, 1.0) == [{"mine": 1}, {"mine": 2}]
    ranks[1].give(6, 1, {})
    assert ranks[0].take(6, 0.05) is None
    ranks[2].give(6, 2, {})
    assert ranks[0].take(6, 60.0) is None, "the ranks do not all save"
    assert Exchange(None, 1).take(1, 60.0) is None
