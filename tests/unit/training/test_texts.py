"""BERT on real sentences: which library a documented function belongs to."""

import inspect

import numpy as np
import polars as pl
import pytest

from tensorfleet.errors import InvalidInput
from tensorfleet.testing.frames import parquet_bytes, sample_frame
from tensorfleet.testing.tasks import model_folder, read_outcome, write_task
from tensorfleet.training.models import load_model
from tensorfleet.training.network import WEIGHTS_FILE
from tensorfleet.training.run import run_task
from tensorfleet.training.texts import Pretrained, Tokens

SMALL = {"layers": 1, "width": 32, "heads": 2, "vocabulary": 600, "length": 48, "dropout": 0.0}


def _first_lines(module) -> list[str]:
    found = {inspect.getdoc(thing) or "" for _, thing in inspect.getmembers(module) if callable(thing)}
    return sorted({" ".join(text.split()[:40]) for text in found if len(text) > 60})


@pytest.fixture(scope="module")
def sentences() -> pl.DataFrame:
    numbers, frames = _first_lines(np)[:150], _first_lines(pl.Expr)[:150]
    return pl.DataFrame(
        {"text": numbers + frames, "library": ["numpy"] * len(numbers) + ["polars"] * len(frames)}
    )


def _train(folder, frame, **hyperparameters):
    task_dir = write_task(
        folder,
        data=parquet_bytes(frame),
        data_format="parquet",
        algorithm="bert",
        target_column="library",
        hyperparameters=SMALL | hyperparameters,
    )
    code = run_task(task_dir)
    return code, read_outcome(task_dir)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, sentences):
    folder = tmp_path_factory.mktemp("bert")
    code, outcome = _train(folder, sentences, epochs=6, batch_size=16, learning_rate=3e-3)
    assert code == 0, outcome
    return folder, outcome


def test_it_learns_which_library_a_sentence_is_from(trained, sentences):
    folder, outcome = trained
    assert outcome["metrics"]["accuracy"] > 0.8
    assert outcome["model"]["signature"]["inputs"] == [{"type": "string", "name": "text"}]
    model = load_model(model_folder(folder, outcome))
    sample = outcome["evaluation"]["samples"][0]
    assert model.predict(sentences[[sample["row"]]]).tolist() == [sample["predicted"]]
    chances = model.predict_proba([{"text": "word never seen: qwertz"}, {"text": ""}])
    assert chances.shape == (2, 2)
    assert chances.sum(axis=1) == pytest.approx(1.0)


def test_the_same_seed_gives_the_same_files(trained, sentences, tmp_path):
    _, again = _train(tmp_path, sentences, epochs=6, batch_size=16, learning_rate=3e-3)
    digests = [{f["path"]: f["sha256"] for f in o["model"]["files"]} for o in (trained[1], again)]
    for file in (WEIGHTS_FILE, "preprocessor.skops", "model.json"):
        assert digests[0][file] == digests[1][file]


def test_a_pretrained_network_is_where_training_begins(trained, sentences, tmp_path):
    """The network is one that Transformers itself has saved."""
    from transformers import BertForSequenceClassification

    folder, outcome = trained
    model = load_model(model_folder(folder, outcome)).estimator
    saved = tmp_path / "saved"
    inner: BertForSequenceClassification = model.network.inner
    inner.save_pretrained(saved)
    (saved / "tokenizer.json").write_text(model.prepare.tokenizer_)

    hyper = {"pretrained": str(saved), "epochs": 1, "learning_rate": 1e-4, "width": 64, "layers": 2}
    code, outcome = _train(tmp_path / "more", sentences, **hyper)
    assert code == 0, outcome
    from_scratch = _train(tmp_path / "scratch", sentences, epochs=1, learning_rate=1e-4)[1]
    assert outcome["metrics"]["accuracy"] > from_scratch["metrics"]["accuracy"] + 0.1
    assert (
        load_model(model_folder(tmp_path / "more", outcome)).estimator.network.inner.config.hidden_size == 32
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no config.json, tokenizer.json, model.safetensors"),
        (
            {"config.json": '{"model_type": "t5"}', "tokenizer.json": "{}", "model.safetensors": ""},
            "is of type t5, not bert",
        ),
    ],
)
def test_a_folder_that_holds_no_bert_is_refused(tmp_path, files, message):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InvalidInput, match=message):
        Pretrained(str(tmp_path))


def test_without_texts_there_is_nothing_to_read(tmp_path):
    code, outcome = _train(tmp_path, sample_frame("iris").rename({"target": "library"}))
    assert code == 1
    assert outcome["class"] == "data"
    assert "no column holds texts" in outcome["message"]


def test_columns_are_joined_and_long_rows_cut():
    frame = pl.DataFrame({"a": ["one two", None], "n": [1, 2], "b": ["three", "four " * 40]})
    tokens = Tokens(vocabulary=300, length=10).fit(frame)
    found = tokens.transform(frame)
    assert found.shape == (2, 10)
    assert found[0, -1] == 0
    assert (found[1] != 0).all()
    assert tokens.columns_ == ["a", "b"]
