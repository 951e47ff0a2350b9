"""The blocking client is what `make sdk` makes of the asynchronous one, and has all of it."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import tensorfleet
from tensorfleet.testing.sync_sdk import SDK, blocking, changed_by_hand, made_of, sources


@pytest.mark.parametrize("source", sources(), ids=lambda path: path.name)
def test_the_blocking_file_is_made_of_its_source(source: Path) -> None:
    made = SDK / source.name
    assert made.read_text() == made_of(source), (
        f"sdk/{source.name} is not what `make sdk` makes: change sdk/aio/{source.name}, and run `make sdk`"
    )


def test_what_somebody_wrote_into_it_is_noticed(tmp_path: Path) -> None:
    copy = tmp_path / "jobs.py"
    copy.write_text((SDK / "jobs.py").read_text())
    assert not changed_by_hand(copy)
    copy.write_text(copy.read_text() + "\n")
    assert changed_by_hand(copy)


def test_what_speaks_to_the_server_is_written_once() -> None:
    """A file that is only in the blocking client would be missing in the other."""
    names = {source.name for source in sources()} | {"ground.py", "__init__.py"}
    alone = [
        path.name
        for path in SDK.glob("*.py")
        if path.name not in names and "tensorfleet.sdk.transport" in path.read_text()
    ]
    assert not alone, f"move {alone} to sdk/aio, write `async` and `await`, and run `make sdk`"


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("return (await self.refresh()).ended", "return self.refresh().ended"),
        ('(await t.call("GET", f("a", 1)))["digest"]', 't.call("GET", f("a", 1))["digest"]'),
        ("async with aclosing(self.watch()) as e:", "with closing(self.watch()) as e:"),
        ("from contextlib import aclosing", "from contextlib import closing"),
        (">>> await client.submit(1)", ">>> client.submit(1)"),
        ("httpx.AsyncClient, AsyncJob", "httpx.Client, Job"),
    ],
)
def test_words_that_wait(source: str, made: str) -> None:
    assert blocking(source) == made


def test_both_clients_have_the_same_parts_and_methods() -> None:
    pairs = [(tensorfleet.AsyncClient, tensorfleet.Client)]
    with tensorfleet.Client("http://gateway.test", "secret") as client:
        other = tensorfleet.AsyncClient("http://gateway.test", "secret")
        assert set(vars(client)) == set(vars(other))
        pairs += [
            (type(vars(other)[name]), type(part))
            for name, part in vars(client).items()
            if name != "transport"
        ]
    for waiting, plain in pairs:
        assert waiting.__name__ == f"Async{plain.__name__}"
        assert _signatures(waiting) == _signatures(plain)


def _signatures(cls: type) -> dict[str, str]:
    members = inspect.getmembers(cls, inspect.isfunction)
    public = [(name, one) for name, one in members if name.startswith("__") or not name.startswith("_")]
    return {blocking(name): blocking(str(inspect.signature(one))) for name, one in public}
