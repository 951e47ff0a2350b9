"""What happens between two rounds of boosting: ranks agree, metrics are reported, the booster is saved, training ends early."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tensorfleet.errors import InvalidInput, Unavailable
from tensorfleet.training.boosted_data import HELD_OUT, TRAIN, VALIDATION
from tensorfleet.training.policy import Timer
from tensorfleet.training.stopping import Stopped

if TYPE_CHECKING:
    from tensorfleet.training.algorithms.boosted import BoostedParams
    from tensorfleet.training.meeting import Meeting
    from tensorfleet.training.session import Session

EVERY_MINUTES = 1.0
_LINES = 20


def agree(meeting: Meeting, mine: Any) -> list[Any]:
    """What each rank says, in the order of the ranks; all have to call it, with something that JSON can hold."""
    said = meeting.gather(json.dumps(mine).encode())
    found: list[Any] = json.loads(meeting.broadcast(None if said is None else b"[" + b",".join(said) + b"]"))
    return found


@dataclass(frozen=True)
class Loss:
    """A mean over so many rows."""

    mean: float
    rows: int


class Rounds:
    """Counts the rounds of one training; all ranks go through them together.

    Attributes:
        done: how many rounds are behind.
        booster: the library's own bytes to go on from; None at the beginning.
        best: the round, from 1, with the smallest validation loss; 0 where training does not end early.
    """

    def __init__(
        self, session: Session, meeting: Meeting, library: str, params: BoostedParams, squared: bool
    ) -> None:
        self._session, self._meeting, self._library, self._squared = session, meeting, library, squared
        self.total, self._patience = params.n_estimators, params.early_stopping_rounds
        policy = session.context.policy
        self._timer = Timer(policy.every_minutes or (None if policy.every_steps else EVERY_MINUTES))
        self.done, self.best, self._best_loss = 0, 0, math.inf
        self.booster: bytes | None = None
        self._resume()
        session.listen_for_stop()

    @property
    def over(self) -> bool:
        """Whether no round is left."""
        waited = self._patience is not None and self.best > 0 and self.done - self.best >= self._patience
        return waited or self.done >= self.total

    def after(self, losses: Mapping[str, Loss], booster: Callable[[], bytes]) -> bool:
        """Closes a round; returns whether training ends here.

        Args:
            losses: on this rank's `train`, `held_out` and `validation` rows; those of all ranks are averaged.
            booster: gives the bytes of the booster as it is now.

        Raises:
            Stopped: one of the ranks was asked to stop, and the booster is saved.
        """
        self.done += 1
        rows = losses[TRAIN].rows
        self._session.stepped(self.done, rows, rows * self._session.context.world_size)
        asked, means = self._agree(losses)
        self._watch(means)
        if self._session.context.rank == 0:
            self._report(means)
        stop = asked and not self.over
        self._save(stop, booster)
        if stop:
            raise Stopped(self.done)
        return self.over

    def _agree(self, losses: Mapping[str, Loss]) -> tuple[bool, dict[str, float]]:
        """Whether any rank was asked to stop, and the losses over all ranks' rows."""
        mine = {name: [loss.mean, loss.rows] for name, loss in losses.items()}
        said = agree(self._meeting, {"stop": self._session.stop.asked, "losses": mine})
        means = {name: _mean([one["losses"][name] for one in said]) for name in losses}
        return any(one["stop"] for one in said), means

    def _watch(self, means: Mapping[str, float]) -> None:
        wrong = next((name for name, value in means.items() if not math.isfinite(value)), None)
        if wrong is not None:
            raise InvalidInput(
                f"the loss on the {wrong} rows is {means[wrong]} after round {self.done};"
                " lower hyperparameters.learning_rate"
            )
        if self._patience is not None and means[VALIDATION] < self._best_loss:
            self.best, self._best_loss = self.done, means[VALIDATION]

    def _report(self, means: Mapping[str, float]) -> None:
        values = {"loss": means[TRAIN]}
        values |= {f"{name}_loss": means[name] for name in (HELD_OUT, VALIDATION) if name in means}
        if self._squared and HELD_OUT in means:
            values["rmse"] = math.sqrt(means[HELD_OUT])
        self._session.report(step=self.done, **values)
        self._session.progress(0.05 + 0.85 * self.done / self.total)
        if self.over or self.done % max(1, self.total // _LINES) == 0:
            shown = "  ".join(f"{name} {value:.4f}" for name, value in values.items())
            print(f"round {self.done}/{self.total}  {shown}", flush=True)

    # ---- checkpoints -------------------------------------------------------------------------------------------------

    def _save(self, stop: bool, booster: Callable[[], bytes]) -> None:
        """Rank 0 saves for all: nothing of the others is in a booster."""
        import numpy as np

        session = self._session
        if session.context.rank != 0:
            return
        if not (stop or self._timer.due() or session.context.policy.after_step(self.done)):
            return
        state = {
            "library": self._library,
            "booster": np.frombuffer(booster(), dtype=np.uint8),
            "done": self.done,
            "best": self.best,
            "best_loss": self._best_loss if self.best else None,
        }
        session.saver.save(state, self.done, session.last_values, with_rng=False)
        if stop:
            session.saver.wait()
        self._timer.reset()

    def _resume(self) -> None:
        """Goes to where the job's checkpoint was made, if there is one."""
        state = self._session.restore(rng=False)
        if state is not None:
            self._load(state)
        if len(set(agree(self._meeting, self.done))) > 1:
            raise Unavailable(
                "the ranks found different checkpoints to go on from; the next attempt looks again"
            )
        if self.done:
            print(f"resuming after round {self.done}", flush=True)

    def _load(self, state: Any) -> None:
        import numpy as np

        library = state.get("library") if isinstance(state, dict) else None
        if library != self._library:
            raise InvalidInput(
                f"the checkpoint is not of {self._library}; go on with the algorithm that made it"
            )
        self.done, self.best = int(state["done"]), int(state["best"])
        self.booster = np.asarray(state["booster"], dtype=np.uint8).tobytes()
        self._best_loss = math.inf if state["best_loss"] is None else float(state["best_loss"])
        if self.done > self.total:
            raise InvalidInput(
                f"the checkpoint is of round {self.done}, but hyperparameters.n_estimators is {self.total}; ask for more"
            )


def _mean(parts: list[list[float]]) -> float:
    if len(parts) == 1:
        return parts[0][0]  # as the library gives it, to the last bit
    return math.fsum(mean * rows for mean, rows in parts) / sum(rows for _, rows in parts)
