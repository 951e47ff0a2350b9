"""The pages of the references: everything is on them, each with its example, in both forms where they differ."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

from tensorfleet.cli import reference as commands_page
from tensorfleet.testing import python_reference as python_page
from tensorfleet.testing.examples import COMMANDS, by_name, read_examples


def part(page: str, anchor: str) -> str:
    """From a heading to the next one."""
    begin = page.index(f"{{ #{anchor} }}")
    return re.split(r"^##+ ", page[begin:], maxsplit=1, flags=re.MULTILINE)[0]


def test_every_command_is_on_the_page_with_its_example() -> None:
    page, examples = commands_page.reference(), by_name(read_examples(COMMANDS))
    for name in commands_page.commands():
        section = part(page, name.replace(" ", "-"))
        for example in examples[name]:
            assert example.text in section
    listed = part(page, "ledger")
    assert "| `--by job\\|workspace\\|algorithm\\|worker_type\\|day\\|month` |" in listed
    assert "default `20`" in listed
    assert "name: forest-size" in page, "the files that the examples read"


def test_every_method_is_on_the_page_in_both_forms() -> None:
    page = python_page.reference()
    for name in python_page.members():
        cls, _, method = name.partition(".")
        assert "```python" in part(page, f"{cls.lower()}-{method.replace('_', '-')}"), name
    section = part(page, "job-metrics")
    assert 'course = job.metrics(points=300, names=["accuracy"])["accuracy"]' in section
    assert 'course = (await job.metrics(points=300, names=["accuracy"]))["accuracy"]' in section
    assert "`Job.wait(timeout=None, *, poll_s=5.0)`" in page
    assert ">>> " not in page


def test_only_its_own_page_gets_the_reference() -> None:
    docs = Path(__file__).parents[3] / "docs"
    for module in (commands_page, python_page):
        assert module.MARK in (docs / module.PAGE).read_text()
        own, other = (SimpleNamespace(file=SimpleNamespace(src_uri=uri)) for uri in (module.PAGE, "index.md"))
        assert module.on_page_markdown(f"a\n{module.MARK}\n", page=other) == f"a\n{module.MARK}\n"
        assert module.MARK not in module.on_page_markdown(f"a\n{module.MARK}\n", page=own)


def test_sections_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "b.sh").write_text("#: two, three -- soon\ncall it\n")
    (tmp_path / "a.sh").write_text("# a remark\n\n#: one\nfirst\n\nsecond\n\n#: one\nagain\n")
    found = read_examples(tmp_path)
    assert [(one.names, one.text, one.how, one.place) for one in found] == [
        (("one",), "first\n\nsecond", "", "a.sh:3"),
        (("one",), "again", "", "a.sh:8"),
        (("two", "three"), "call it", "soon", "b.sh:1"),
    ]
    assert [len(by_name(found)[name]) for name in ("one", "two", "three")] == [2, 1, 1]
