from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tensorfleet.orchestrator import lines
from tensorfleet.orchestrator.lines import Lines
from tensorfleet.scheduling.model import WaitingJob

NOW = datetime(2026, 3, 4, tzinfo=UTC)
JOBS = st.builds(
    lambda number, priority, age, workspace: WaitingJob(
        f"j-{number}", priority, NOW + timedelta(seconds=age), 1, 1, workspace=workspace
    ),
    st.integers(0, 12),
    st.integers(0, 2),
    st.integers(0, 5),
    st.sampled_from("ab"),
)


@given(st.lists(st.tuples(st.booleans(), JOBS), max_size=60))
@settings(max_examples=200, deadline=None)
def test_it_holds_what_was_added_and_not_taken_away_in_order(steps: list[tuple[bool, WaitingJob]]) -> None:
    queue, plain = Lines(), dict[str, WaitingJob]()
    for add, job in steps:
        if add:
            queue.add(job)
            plain[job.id] = job
        else:
            queue.discard(job.id)
            plain.pop(job.id, None)
    heads = queue.heads()
    assert len(queue) == len(plain)
    assert set(heads) == set(plain.values())
    for priority, workspace in {(job.priority, job.workspace) for job in heads}:
        line = [job for job in heads if (job.priority, job.workspace) == (priority, workspace)]
        assert line == sorted(line, key=lambda job: (job.queued_at, job.id))


def test_a_long_line_shows_its_head() -> None:
    queue = Lines()
    for number in reversed(range(lines.WINDOW + 5)):
        queue.add(WaitingJob(f"j-{number:05}", 1, NOW + timedelta(seconds=number), 1, 1))
    queue.add(WaitingJob("other", 0, NOW, 1, 1))
    shown = [job.id for job in queue.heads()]
    assert shown == [f"j-{number:05}" for number in range(lines.WINDOW)] + ["other"]
