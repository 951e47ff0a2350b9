"""Who has a use for an agent that was started, and who has none any more."""

from __future__ import annotations

from typing import Any

from tensorfleet.fleet.leases import renewed
from tensorfleet.fleet.ports import Launched, LaunchState
from tensorfleet.orchestrator.sweep import Sweep


def agent(worker_id: str, state: LaunchState = LaunchState.UP, detail: str = "") -> Launched:
    return Launched(worker_id, "small", state, "node-7" if state is LaunchState.UP else "", detail)


def test_a_worker_that_is_here_renews_its_lease() -> None:
    leases, over = renewed({"a": 0.0}, [agent("a")], ["a"], [], 1000.0, 300.0)
    assert (leases, over) == ({"a": 1000.0}, {})


def test_one_that_never_joins_is_given_back_after_its_time() -> None:
    leases, over = renewed({}, [agent("a")], [], ["a"], 1000.0, 300.0)
    assert (leases, over) == ({"a": 1000.0}, {}), "new to this life: it has the whole time"
    leases, over = renewed(leases, [agent("a")], [], ["a"], 1299.0, 300.0)
    assert over == {}
    leases, over = renewed(leases, [agent("a")], [], ["a"], 1300.0, 300.0)
    assert over == {"a": "its process runs on node-7, and for 300 s no worker of this name was here"}
    assert leases == {"a": 1300.0}, "it is asked again when another such time has passed"
    assert renewed(leases, [], [], [], 1301.0, 300.0) == ({}, {})


def test_one_that_was_here_and_fell_silent_has_the_same_time() -> None:
    leases, _ = renewed({}, [agent("a")], ["a"], [], 0.0, 300.0)
    assert renewed(leases, [agent("a")], [], [], 299.0, 300.0)[1] == {}
    assert renewed(leases, [agent("a")], [], [], 300.0, 300.0)[1].keys() == {"a"}


def test_what_waits_for_a_place_waits_as_long_as_it_is_wanted() -> None:
    waits = agent("a", LaunchState.STARTING, "no node has 8 GPU")
    assert renewed({"a": 0.0}, [waits], [], ["a"], 9000.0, 300.0) == ({"a": 9000.0}, {})
    (why,) = renewed({"a": 0.0}, [waits], [], [], 9000.0, 300.0)[1].values()
    assert why == "it waits for a place (no node has 8 GPU), and for 300 s nobody has asked for it"


def test_what_has_ended_is_forgotten_when_nobody_asks_for_it() -> None:
    gone = agent("a", LaunchState.GONE)
    (why,) = renewed({"a": 0.0}, [gone], [], [], 300.0, 300.0)[1].values()
    assert why == "it has ended, and for 300 s nobody has asked for it again"


class Given:
    def __init__(self) -> None:
        self.released: list[str] = []
        self.noted: list[dict[str, Any]] = []

    def release(self, worker_id: str) -> None:
        self.released.append(worker_id)

    async def note(self, told: dict[str, Any]) -> None:
        self.noted.append(told)


async def test_what_is_swept_stands_in_the_log_of_decisions() -> None:
    given, now = Given(), [0.0]
    sweep = Sweep(given, 10.0, given.note, lambda: now[0])  # type: ignore[arg-type]
    agents = [agent(f"a{number:02}") for number in range(12)]
    await sweep.look([*agents, agent("here")], ["here"], [])
    assert given.released == given.noted == []
    now[0] = 10.0
    await sweep.look([*agents, agent("here")], ["here"], [])
    assert given.released == [one.worker_id for one in agents]
    (told,) = given.noted
    assert told["action"] == "sweep"
    assert told["releases"] == given.released
    assert told["reason"].startswith("12 agents were given back: a00: its process runs on node-7")
    assert told["reason"].endswith("; and 2 more")
    assert told["signal"]["workers"] == 1
    now[0] = 11.0
    await sweep.look(agents[:1], [], [])
    assert len(given.noted) == 1, "once, not at every look"
