"""Neural networks, trained by all ranks of the job together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tensorfleet.errors import DataInvalid
from tensorfleet.training import artifacts
from tensorfleet.training.algorithm import NetworkAlgorithm
from tensorfleet.training.algorithms.neural import NeuralParams
from tensorfleet.training.data import Problem, load_problem
from tensorfleet.training.distributed import device, open_store, process_group
from tensorfleet.training.evaluation import evaluate
from tensorfleet.training.mlp_loop import Loop
from tensorfleet.training.network import NetworkModel, pack_network
from tensorfleet.training.networks import build_network
from tensorfleet.training.stopping import Stopped
from tensorfleet.training.tensors import Tensors

if TYPE_CHECKING:
    from tensorfleet.training.session import Session


def train(session: Session, algorithm: NetworkAlgorithm, params: NeuralParams) -> dict[str, Any]:
    """Trains with the job's other ranks and returns the task's outcome; rank 0's has the model."""
    import torch

    context = session.context
    opened = open_store(context) if context.rank == 0 else None
    problem = load_problem(session, algorithm)
    if len(problem.train) < context.world_size:
        raise DataInvalid(f"{len(problem.train)} training rows are too few for {context.world_size} workers")
    where = device(context)
    data = Tensors(problem, algorithm, params, where)
    config = data.network_config(algorithm, params)
    torch.manual_seed(context.seed)
    network = build_network(**config).to(where)
    if context.rank == 0:
        print(
            f"{algorithm.name}: {problem.task} of '{problem.target}' on {len(problem.train)} rows"
            f" of {' x '.join(map(str, data.x.shape[1:]))} inputs, {context.world_size} rank{'s' * (context.world_size > 1)}",
            flush=True,
        )
    store = opened or open_store(context)
    with process_group(context, store):
        done, step, weights = _fit(Loop(session, network, data, params, store))
    if not done:
        raise Stopped(step)
    if context.rank != 0:
        return {"metrics": {}, "evaluation": {}, "model": None}
    network = build_network(**config)
    network.load_state_dict(weights)
    model = NetworkModel(network, data.prepare, data.classes, data.scale)
    return _outcome(session, problem, model, config)


def _fit(loop: Loop) -> tuple[bool, int, dict[str, Any]]:
    """Whether training came to its end, its last step, and the weights; the loop and its DDP model are gone then."""
    done = loop.run()
    return done, loop.position.step, loop.weights() if done else {}


def _outcome(
    session: Session, problem: Problem, model: NetworkModel, config: dict[str, Any]
) -> dict[str, Any]:
    held_out = problem.features[problem.held_out]
    probabilities = None if model.classes_ is None else model.predict_proba(held_out)
    metrics, evaluation = evaluate(problem, model.classes_, model.predict(held_out), probabilities)
    print("held out: " + "  ".join(f"{name} {value:.4f}" for name, value in metrics.items()), flush=True)
    published = artifacts.publish_torch(session, problem, model.classes_, pack_network(model, config))
    return {"metrics": metrics, "evaluation": evaluation, "model": published}
