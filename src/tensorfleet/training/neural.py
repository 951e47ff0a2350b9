"""Neural networks, trained by all ranks of the job together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tensorfleet.errors import DataInvalid, InvalidInput
from tensorfleet.training import artifacts
from tensorfleet.training.algorithm import NetworkAlgorithm
from tensorfleet.training.algorithms.neural import NeuralParams
from tensorfleet.training.data import Problem, load_problem, locate
from tensorfleet.training.distributed import device, open_store, process_group
from tensorfleet.training.evaluation import evaluate, on_validation
from tensorfleet.training.network import NetworkModel, pack_network
from tensorfleet.training.networks import build_network
from tensorfleet.training.neural_loop import Loop
from tensorfleet.training.splitting import SplitPolicy
from tensorfleet.training.stopping import Stopped
from tensorfleet.training.tensors import Tensors

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

    from tensorfleet.training.session import Session
    from tensorfleet.training.streaming import Stream


def train(session: Session, algorithm: NetworkAlgorithm, params: NeuralParams) -> dict[str, Any]:
    """Trains with the job's other ranks and returns the task's outcome; rank 0's has the model."""
    import torch

    context, where = session.context, device(session.context)
    opened = open_store(context) if context.rank == 0 else None
    data, store = _load(session, algorithm, params, opened)
    session.timeline.mark("prepared")
    config = data.network_config(algorithm, params)
    torch.manual_seed(context.seed)
    network = build_network(**config)
    if data.pretrained is not None:
        data.pretrained.load_into(network)
    network.to(where)
    if context.rank == 0:
        print(
            f"{algorithm.name}: {data.task} of '{data.target}' on {data.rows} rows"
            f" of {' x '.join(map(str, data.watched_x.shape[1:]))} inputs,"
            f" {context.world_size} rank{'s' * (context.world_size > 1)}",
            flush=True,
        )
    with process_group(context, store):
        done, step, weights = _fit(Loop(session, network, data, params, store))
    if not done:
        raise Stopped(step)
    if context.rank != 0:
        return {"metrics": {}, "evaluation": {}, "model": None}
    network = build_network(**config)
    network.load_state_dict(weights)
    model = NetworkModel(network, data.prepare, data.classes, data.scale)
    return _outcome(session, data.problem(), model, config, algorithm.packages)


def _load(
    session: Session, algorithm: NetworkAlgorithm, params: NeuralParams, opened: Store | None
) -> tuple[Tensors | Stream, Store | None]:
    """The data, in memory or as a stream, and the store at which the ranks meet.

    Args:
        opened: the store, on rank 0, which opens it before it reads.
    """
    from tensorfleet.training import streaming

    context, where = session.context, device(session.context)
    source = locate(session)
    wanted = params.model_dump().get("stream", False)
    if SplitPolicy.of(context.spec) != SplitPolicy():
        if wanted:
            raise InvalidInput("a stream holds a random fifth of the rows out; leave split out, or stream")
        wanted = False
    if wanted or (wanted is None and streaming.too_large(source)):
        store = opened or open_store(context)
        gather = streaming.gather_over(store, context.rank, context.world_size)
        ends_early = params.early_stopping is not None
        return streaming.Stream(session, source, algorithm, where, gather, ends_early), store
    problem = load_problem(session, algorithm)
    if params.early_stopping is not None:
        problem = problem.with_validation(context.seed)
    if len(problem.train) < context.world_size:
        raise DataInvalid(f"{len(problem.train)} training rows are too few for {context.world_size} workers")
    return Tensors(context, problem, algorithm, params, where), opened or open_store(context)


def _fit(loop: Loop) -> tuple[bool, int, dict[str, Any]]:
    """Whether training came to its end, its last step, and the weights; the loop and its DDP model are gone then."""
    done = loop.run()
    return done, loop.position.step, loop.weights() if done else {}


def _outcome(
    session: Session,
    problem: Problem,
    model: NetworkModel,
    config: dict[str, Any],
    packages: tuple[str, ...],
) -> dict[str, Any]:
    held_out = problem.features[problem.held_out]
    probabilities = None if model.classes_ is None else model.predict_proba(held_out)
    metrics, evaluation = evaluate(problem, model.classes_, model.predict(held_out), probabilities)
    evaluation |= on_validation(problem, model)
    print("held out: " + "  ".join(f"{name} {value:.4f}" for name, value in metrics.items()), flush=True)
    files = pack_network(model, config)
    published = artifacts.publish_torch(session, problem, model.classes_, files, packages, model)
    return {"metrics": metrics, "evaluation": evaluation, "model": published}
