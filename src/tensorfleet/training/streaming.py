"""A dataset larger than memory as batches: each rank reads row groups of its own from Parquet, piece by piece."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tensorfleet.datasets.model import NULL_VALUES
from tensorfleet.errors import DataInvalid, nearest
from tensorfleet.training import data as tables
from tensorfleet.training import preprocessing
from tensorfleet.training.algorithm import CLASSIFICATION, REGRESSION, NetworkAlgorithm
from tensorfleet.training.network import as_tensor
from tensorfleet.training.skops_file import dump_skops
from tensorfleet.training.splitting import VALIDATION

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import torch

    from tensorfleet.training.algorithms.neural import NeuralParams
    from tensorfleet.training.data import Problem, Source
    from tensorfleet.training.session import Session

    Array = np.ndarray[Any, Any]

FROM_BYTES = 512 * 1024**2
"""Datasets that take more than this unpacked are streamed unless the job says otherwise."""
MOST_HELD_OUT = 20_000
MOST_FITTED = 50_000
_LOOKED_AT = 16
Gather = Callable[[Any], list[Any]]
"""Gives what each rank has, in the order of the ranks; of values that JSON knows."""


def too_large(source: Source) -> bool:
    """Whether the file, unpacked, should not be held in memory."""
    if source.format != "parquet":
        return source.path.stat().st_size > FROM_BYTES
    from pyarrow import parquet

    about = parquet.read_metadata(source.path)
    return bool(sum(about.row_group(g).total_byte_size for g in range(about.num_row_groups)) > FROM_BYTES)


def as_parquet(source: Source, task_dir: Path) -> Path:
    """The dataset as Parquet; CSV is converted for the task, without ever being in memory as a whole."""
    if source.format == "parquet":
        return source.path
    import polars as pl

    path = task_dir / "dataset.parquet"
    scan = pl.scan_csv(
        source.path, null_values=list(NULL_VALUES), try_parse_dates=True, infer_schema_length=10_000
    )
    try:
        scan.sink_parquet(path, row_group_size=65_536)
    except pl.exceptions.PolarsError as error:
        reason = str(error).strip().splitlines()[0]
        raise DataInvalid(f"dataset '{source.name}' cannot be read as csv: {reason}") from error
    return path


def share_of_groups(rows: list[int], rank: int, world_size: int) -> list[int]:
    """The row groups of one rank.  All ranks' are disjoint and cover the file; the largest are dealt first, for equal shares."""
    loads = [0] * world_size
    mine = []
    for group in sorted(range(len(rows)), key=lambda g: (-rows[g], g)):
        least = loads.index(min(loads))
        loads[least] += rows[group]
        if least == rank:
            mine.append(group)
    return sorted(mine)


@dataclass(frozen=True)
class Target:
    """What all ranks together know of the target."""

    task: str
    classes: Array | None
    scale: tuple[float, float]


@dataclass(frozen=True)
class _Masks:
    """The rows of a row group [rows] by what they are for."""

    train: Array
    held_out: Array
    validation: Array


class Stream:
    """The problem as a stream; see `Tensors` for the attributes that both have.

    Nothing but the rows that are held out, and the row groups that are being read, is in memory.
    """

    watched_apart = True
    """Each rank measures on rows of its own."""
    pretrained = None

    def __init__(
        self,
        session: Session,
        source: Source,
        algorithm: NetworkAlgorithm,
        where: torch.device,
        gather: Gather,
        ends_early: bool = False,
    ) -> None:
        import numpy as np
        from pyarrow import parquet

        context = session.context
        self._validation = VALIDATION if ends_early else 0.0
        self._seed, self._rank, self._where, self._beat = context.seed, context.rank, where, session.beat
        self._path = as_parquet(source, context.task_dir)
        about = parquet.read_metadata(self._path)
        names = about.schema.to_arrow_schema().names
        self.target = source.target or tables.detect_target(names)
        if self.target not in names:
            raise DataInvalid(
                f"dataset '{source.name}' has no column '{self.target}' to predict; {nearest(self.target, names)}"
            )
        sizes = [about.row_group(group).num_rows for group in range(about.num_row_groups)]
        if len(sizes) < context.world_size:
            raise DataInvalid(
                f"dataset '{source.name}' has {len(sizes)} row groups, which are too few for {context.world_size} workers;"
                " write it with smaller ones"
            )
        self._firsts = np.concatenate([[0], np.cumsum(sizes)])
        self.groups = share_of_groups(sizes, context.rank, context.world_size)
        targets = {group: self._read(group, [self.target])[self.target] for group in self.groups}
        masks = {group: self._split(group, column) for group, column in targets.items()}
        self._train = {group: found.train for group, found in masks.items()}
        found = _agreed(targets, algorithm, gather)
        self.task, self.classes, self.scale = found.task, found.classes, found.scale
        counts = gather(sum(int(rows.sum()) for rows in self._train.values()))
        self.rows, self._mine = sum(counts), counts[context.rank]
        self._most, self._fewest = max(counts), min(counts)
        if min(counts) < 1:
            raise DataInvalid(f"dataset '{source.name}' has too few rows for {context.world_size} workers")
        self.prepare = self._prepared(gather)
        self._held_out, self._held_out_rows = self._kept({g: m.held_out for g, m in masks.items()}, gather)
        watched = self._held_out
        if ends_early:
            watched, _ = self._kept({g: m.validation for g, m in masks.items()}, gather)
        self.watched_x, self.watched_y = self._tensors(watched)

    @property
    def outputs(self) -> int:
        return 1 if self.classes is None else len(self.classes)

    @property
    def device(self) -> torch.device:
        return self._where

    def network_config(self, algorithm: NetworkAlgorithm, params: NeuralParams) -> dict[str, Any]:
        """The arguments of `build_network` for these inputs and outputs."""
        chosen = {name: getattr(params, name) for name in algorithm.shape}
        inputs = self.watched_x.shape[1]
        return {"network": algorithm.name, "inputs": inputs, "outputs": self.outputs, **chosen}

    def problem(self) -> Problem:
        """What this rank holds out, for the evaluation at the end."""
        import numpy as np

        features = self._held_out.drop(self.target)
        places = np.arange(features.height)
        y = _values(self._held_out[self.target], self.classes)
        return tables.Problem(self.task, self.target, features, y, self._held_out_rows, places, places)

    def batches(self, epoch: int, start: int, batch_size: int) -> StreamBatches:
        """The batches of an epoch.  All ranks have equally many; `start` does not count, an epoch begins at its beginning."""
        return StreamBatches(self, epoch, min(-(-self._most // batch_size), self._fewest))

    # ---- reading -----------------------------------------------------------------------------------------------------

    def nothing(self) -> tuple[torch.Tensor, torch.Tensor]:
        """No rows, as x and y."""
        return self.watched_x[:0], self.watched_y[:0]

    def pieces(self, epoch: int, skip: int) -> Generator[tuple[torch.Tensor, torch.Tensor], None, None]:
        """The epoch's rows of this rank, without the first `skip`: a row group at a time, the next is read meanwhile."""
        import numpy as np

        order = np.random.default_rng([self._seed, epoch, self._rank]).permutation(self.groups)
        todo = []
        for group in order.tolist():
            rows = int(self._train[group].sum())
            if skip < rows:
                todo.append((group, skip))
            skip = max(0, skip - rows)
        with ThreadPoolExecutor(1, thread_name_prefix="reader") as reader:
            ahead = [reader.submit(self._piece, *todo[0], epoch)] if todo else []
            for number in range(len(todo)):
                if number + 1 < len(todo):
                    ahead.append(reader.submit(self._piece, *todo[number + 1], epoch))
                yield ahead.pop(0).result()

    def _piece(self, group: int, skip: int, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
        import numpy as np

        frame = self._read(group).filter(self._train[group])
        order = np.random.default_rng([self._seed, epoch, group]).permutation(frame.height)[skip:]
        return self._tensors(frame[order])

    def _tensors(self, frame: pl.DataFrame) -> tuple[torch.Tensor, torch.Tensor]:
        """x [rows, inputs] float32, and y [rows] as `Tensors` has them."""
        import numpy as np
        import torch

        x = as_tensor(self.prepare.transform(frame.drop(self.target)))
        values = _values(frame[self.target], self.classes)
        if self.classes is not None:
            return x.to(self._where), torch.from_numpy(np.searchsorted(self.classes, values)).to(self._where)
        y = torch.from_numpy((values - self.scale[0]) / self.scale[1]).float()
        return x.to(self._where), y.to(self._where)

    def _read(self, group: int, columns: list[str] | None = None) -> pl.DataFrame:
        import polars as pl
        from pyarrow import parquet

        with parquet.ParquetFile(self._path) as file:
            table = file.read_row_group(group, columns=columns, use_threads=False)
        self._beat()
        frame = pl.DataFrame(
            table
        )  # not from_arrow: in a warm process polars believes that there is no pyarrow
        floats = [name for name, kind in frame.schema.items() if kind.is_float()]
        return frame.with_columns(pl.when(pl.col(c).is_finite()).then(pl.col(c)).alias(c) for c in floats)

    def _split(self, group: int, target: pl.Series) -> _Masks:
        """Which rows of the group are what; those without a target are nothing."""
        import numpy as np

        present = target.is_not_null().to_numpy()
        order = np.random.default_rng([self._seed, group]).permutation(len(present))
        test = int(len(present) * tables.HELD_OUT)
        validation = int((len(present) - test) * self._validation)
        part = np.zeros(len(present), dtype=np.int8)
        part[order[:test]] = 1
        part[order[test : test + validation]] = 2
        return _Masks(present & (part == 0), present & (part == 1), present & (part == 2))

    # ---- what is fitted and held out ---------------------------------------------------------------------------------

    def _prepared(self, gather: Gather) -> Any:
        """The transformer, fitted on rows of rank 0 and the same on all ranks."""
        from tensorfleet.training.models import load_skops

        described = None
        if self._rank == 0:
            sample = (
                self._read(self.groups[0]).filter(self._train[self.groups[0]]).drop(self.target)[:MOST_FITTED]
            )
            kinds = preprocessing.column_kinds(sample)
            if not kinds:
                raise DataInvalid(f"no column is left to predict '{self.target}' from")
            prepare = preprocessing.build(sample, kinds, scale=True, dense=True)
            prepare.fit(sample)
            described = dump_skops(prepare).hex()
        return load_skops(bytes.fromhex(gather(described)[0]))

    def _kept(self, masks: dict[int, Array], gather: Gather) -> tuple[pl.DataFrame, Array]:
        """Rows to measure on, and their numbers: as many on each rank, from some row groups of its own."""
        import numpy as np
        import polars as pl

        looked_at = np.random.default_rng([self._seed, self._rank]).permutation(self.groups)[:_LOOKED_AT]
        most = -(-MOST_HELD_OUT // len(looked_at))
        kept, numbers = [], []
        for group in looked_at.tolist():
            places = np.flatnonzero(masks[group])[:most]
            kept.append(self._read(group)[places])
            numbers.append(places + self._firsts[group])
        rows = min(gather(sum(frame.height for frame in kept)))
        if not rows:
            raise DataInvalid(
                "a worker's part of the dataset is too small to hold rows out; use fewer workers"
            )
        return pl.concat(kept)[:rows], np.concatenate(numbers)[:rows]


class StreamBatches:
    """One epoch of this rank: its rows in `steps` batches of equal sizes, to one row."""

    def __init__(self, stream: Stream, epoch: int, steps: int) -> None:
        self._stream = stream
        self._epoch = epoch
        self._steps = steps
        self._ends = [stream._mine * (step + 1) // self._steps for step in range(self._steps)]

    def __len__(self) -> int:
        return self._steps

    def rows_before(self, batch: int) -> int:
        """Rows of all ranks in the batches before this one."""
        return self._stream.rows * batch // self._steps

    def read(self, first: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """x and y of this rank's batches from the `first`-th on."""
        import torch

        done = self._ends[first - 1] if first else 0
        x, y = self._stream.nothing()
        with closing(self._stream.pieces(self._epoch, done)) as pieces:
            for end in self._ends[first:]:
                while len(x) < end - done:
                    more_x, more_y = next(pieces)
                    x, y = torch.cat([x, more_x]), torch.cat([y, more_y])
                yield x[: end - done], y[: end - done]
                x, y, done = x[end - done :], y[end - done :], end


def _agreed(targets: dict[int, pl.Series], algorithm: NetworkAlgorithm, gather: Gather) -> Target:
    """The task, the classes and the scale that follow from the targets of all ranks."""
    import numpy as np
    import polars as pl

    column = pl.concat(list(targets.values())).drop_nulls()
    kind = column.dtype
    if kind.is_temporal() or kind.is_nested() or kind == pl.Binary:
        raise DataInvalid(
            f"target column '{column.name}' holds {kind}; a target is numbers, texts or booleans"
        )
    numeric = kind.is_numeric()
    whole = not numeric or bool((column.round() == column).all())
    few = column.n_unique() <= tables.MOST_INTEGER_CLASSES or not numeric
    distinct = column.unique().sort().to_list() if whole and few else None
    moments = (
        [len(column), float(column.sum()), float((column.cast(pl.Float64) ** 2).sum())]
        if numeric
        else [0, 0, 0]
    )
    everyone = gather([distinct, moments])
    sets = [one[0] for one in everyone]
    many = any(one is None for one in sets) or len({value for one in sets for value in one}) > (
        tables.MOST_INTEGER_CLASSES if numeric else 10_000
    )
    if many and not numeric:
        raise DataInvalid(f"target column '{column.name}' has too many different values to be classes")
    if many or (REGRESSION not in algorithm.tasks and CLASSIFICATION not in algorithm.tasks):
        if REGRESSION not in algorithm.tasks:
            raise DataInvalid(
                f"target column '{column.name}' holds no classes, which {algorithm.name} predicts"
            )
        rows, total, squares = (sum(one[1][i] for one in everyone) for i in range(3))
        mean = total / rows
        return Target(REGRESSION, None, (mean, max(squares / rows - mean**2, 0.0) ** 0.5 or 1.0))
    classes = np.array(sorted({value for one in sets for value in one}))
    if len(classes) < 2:
        raise DataInvalid(f"target column '{column.name}' has one class only; two are needed")
    return Target(CLASSIFICATION, classes.astype(np.int64) if numeric else classes, (0.0, 1.0))


def _values(target: pl.Series, classes: Array | None) -> Array:
    """The targets [rows]: of the type of the classes, or float64."""
    import numpy as np
    import polars as pl

    if classes is None:
        return target.cast(pl.Float64).to_numpy()
    if classes.dtype.kind == "U":
        return np.array(target.cast(pl.String).to_list(), dtype=np.str_)
    return target.to_numpy().astype(classes.dtype)


def gather_over(store: Any, rank: int, world_size: int) -> Gather:
    """Exchanges values of all ranks over the store at which they meet; without one, gives this rank's alone."""
    turn = 0

    def gather(value: Any) -> list[Any]:
        nonlocal turn
        if store is None:
            return [value]
        turn += 1
        store.set(f"tensorfleet/gather/{turn}/{rank}", json.dumps(value))
        keys = [f"tensorfleet/gather/{turn}/{other}" for other in range(world_size)]
        store.wait(keys)
        return [json.loads(store.get(key)) for key in keys]

    return gather
