"""Networks of TensorFlow's Keras, trained by all ranks of the job together, in an environment that has TensorFlow.

A trained one is stored as the network of PyTorch that it equals, so no client, server or reader of a model needs TensorFlow;
for Keras itself `model.keras` lies beside it, which TensorFleet never loads.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors.numpy

from tensorfleet.errors import DataInvalid, Unavailable
from tensorfleet.training import artifacts
from tensorfleet.training.data import Problem, load_problem
from tensorfleet.training.evaluation import evaluate
from tensorfleet.training.keras_data import Arrays
from tensorfleet.training.keras_loop import KerasLoop
from tensorfleet.training.keras_networks import build_keras, torch_weights
from tensorfleet.training.keras_replica import Replica, prepare_tensorflow
from tensorfleet.training.meeting import GONE_GRACE_S, Meeting
from tensorfleet.training.network import as_array, network_files
from tensorfleet.training.stopping import Stopped

if TYPE_CHECKING:
    import keras

    from tensorfleet.training.algorithm import NetworkAlgorithm
    from tensorfleet.training.algorithms.neural import TrainingParams
    from tensorfleet.training.session import Session

    Array = np.ndarray[Any, Any]

KERAS_FILE = "model.keras"


def train(session: Session, algorithm: NetworkAlgorithm, params: TrainingParams) -> dict[str, Any]:
    """Trains with the job's other ranks and returns the task's outcome; rank 0's has the model."""
    try:
        with Meeting(session) as meeting:
            outcome = _train(session, algorithm, params, meeting)
            meeting.broadcast(b"done")  # a rank that left before would look lost to the others
            return outcome
    except Unavailable:
        if session.context.world_size > 1:
            time.sleep(GONE_GRACE_S)
        raise


def _train(
    session: Session, algorithm: NetworkAlgorithm, params: TrainingParams, meeting: Meeting
) -> dict[str, Any]:
    context = session.context
    problem = load_problem(session, algorithm)
    if params.early_stopping is not None:
        problem = problem.with_validation(context.seed)
    if len(problem.train) < context.world_size:
        raise DataInvalid(f"{len(problem.train)} training rows are too few for {context.world_size} workers")
    prepare_tensorflow(context.seed, context.cpus)
    data = Arrays(context, problem, algorithm, params)
    config = data.network_config(algorithm, params)
    network = build_keras(**config)
    replica = Replica(network, params, classes=data.classes is not None)
    if context.rank == 0:
        print(
            f"{algorithm.name}: {problem.task} of '{problem.target}' on {data.rows} rows"
            f" of {' x '.join(map(str, data.x.shape[1:]))} inputs,"
            f" {context.world_size} rank{'s' * (context.world_size > 1)}",
            flush=True,
        )
    loop = KerasLoop(session, replica, data, params, meeting)
    if not loop.run():
        raise Stopped(loop.position.step)
    if context.rank != 0:
        return {"metrics": {}, "evaluation": {}, "model": None}
    metrics, evaluation = _evaluate(problem, data, replica)
    print("held out: " + "  ".join(f"{name} {value:.4f}" for name, value in metrics.items()), flush=True)
    if problem.validation is not None and len(problem.validation):
        of_validation = replace(problem, held_out=problem.validation)
        evaluation["validation"] = _evaluate(of_validation, data, replica)[0]
    weights = safetensors.numpy.save(torch_weights(network, loop.position.step))
    files = network_files(weights, config, data.classes, data.scale, data.prepare)
    files[KERAS_FILE] = _keras_file(network)
    published = artifacts.publish_torch(session, problem, data.classes, files, algorithm.packages)
    return {"metrics": metrics, "evaluation": evaluation, "model": published}


def _evaluate(problem: Problem, data: Arrays, replica: Replica) -> tuple[dict[str, float], dict[str, Any]]:
    outputs = replica.outputs(as_array(data.prepare.transform(problem.features[problem.held_out])))
    if data.classes is None:
        mean, deviation = data.scale
        return evaluate(problem, None, outputs[:, 0].astype(np.float64) * deviation + mean, None)
    predicted = data.classes[outputs.argmax(axis=1)]
    return evaluate(problem, data.classes, predicted, _softmax(outputs))


def _softmax(outputs: Array) -> Array:
    raised = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    chances: Array = raised / raised.sum(axis=1, keepdims=True)
    return chances


def _keras_file(network: keras.Model) -> bytes:
    """The network as Keras saves it: a description, weights, and no code."""
    packed = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / KERAS_FILE
        network.save(path)
        with zipfile.ZipFile(path) as saved, zipfile.ZipFile(packed, "w") as equal:
            for name in sorted(saved.namelist()):
                equal.writestr(zipfile.ZipInfo(name), _without_chance(saved.read(name), name))
    return packed.getvalue()


def _without_chance(data: bytes, name: str) -> bytes:
    """Without the time and the addresses in memory, so that equal networks are equal files."""
    if name == "metadata.json":
        return json.dumps(json.loads(data) | {"date_saved": "1980-01-01@00:00:00"}).encode()
    if name != "config.json":
        return data
    numbers: dict[bytes, int] = {}
    return re.sub(
        rb'("shared_object_id": )(\d+)',
        lambda found: found[1] + b"%d" % numbers.setdefault(found[2], len(numbers)),
        data,
    )
