"""What a job wants of its environment, what uv says about it, and which environments stay."""

import os

import pytest

from tensorfleet.agent.environments import Environments
from tensorfleet.agent.requirements import NotReady, Wanted, check_python, reason, why_failed
from tensorfleet.kit.requirement import check_requirement

NO_SUCH = """Using Python 3.11.7 environment at: /x
error: No solution found when resolving dependencies
  cause: Because there is no version of a==3 and you require a==3, we can conclude that your requirements are unsatisfiable.

hint: try something else
"""
BUILD = """Resolved 6 packages in 24ms
   Building a==0.24.2
error: Failed to build `a==0.24.2`
  cause: The build backend returned an error

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 17, in <module>
         ModuleNotFoundError: No module named 'pkg_resources'

hint: This error likely indicates something
"""
AWAY = """error: Failed to fetch: `https://pypi.org/simple/a/`
  cause: error sending request for url (https://pypi.org/simple/a/)
  cause: dns error: failed to lookup address information: Temporary failure in name resolution
"""


@pytest.mark.parametrize(
    ("said", "cls", "words"),
    [
        (
            NO_SUCH,
            "user_error",
            "No solution found when resolving dependencies: Because there is no version of a==3",
        ),
        (
            BUILD,
            "user_error",
            "Failed to build `a==0.24.2`: The build backend returned an error ModuleNotFoundError",
        ),
        (AWAY, "infrastructure", "could not be fetched"),
        (NO_SUCH.replace("a==3", "timeout-decorator==3 timed out"), "user_error", "timed out"),
        (
            "error: failed to write\n  cause: No space left on device (os error 28)\n",
            "infrastructure",
            "disk is full",
        ),
        ("", "user_error", "uv ended with code 2"),
    ],
)
def test_whose_fault_a_failed_build_is(said, cls, words):
    found = why_failed(said, 2)
    assert found.cls == cls
    assert words in found.detail
    assert "\n" not in found.detail
    assert "hint" not in found.detail


def test_a_long_story_is_cut():
    assert len(reason("error: " + "x" * 5000)) == 600


@pytest.mark.parametrize(
    "wanted", [None, "", "3.11", "3", "3.11.7", ">=3.10", ">=3.11,<3.13", "~=3.11", "==3.11.*"]
)
def test_a_python_that_will_do(wanted):
    check_python(wanted, "3.11.7")


@pytest.mark.parametrize("wanted", ["3.12", "2.7", "3.11.6", ">=3.12", "<3.11", "three", "3.x"])
def test_a_python_that_will_not(wanted):
    with pytest.raises(NotReady) as raised:
        check_python(wanted, "3.11.7")
    assert raised.value.cls == "user_error"
    assert wanted in raised.value.detail


def test_the_name_of_an_environment_follows_its_content():
    one = Wanted.of({"requirements": ["a==1", "b"]})
    digest = one.digest("3.11.7", ["numpy==2"])
    assert Wanted.of({"requirements": ["b", "a==1"]}).digest("3.11.7", ["numpy==2"]) == digest
    assert Wanted.of({"requirements": []}) is None
    others = [
        Wanted.of({"requirements": ["a==2", "b"]}).digest("3.11.7", ["numpy==2"]),
        Wanted.of({"requirements": ["a==1", "b"], "lock": "x.lock"}).digest("3.11.7", ["numpy==2"]),
        one.digest("3.12.1", ["numpy==2"]),
        one.digest("3.11.7", ["numpy==2.1"]),
    ]
    assert len({digest, *others}) == 5


def test_the_least_recently_used_go_and_those_in_use_stay(tmp_path):
    for number, name in enumerate(["a", "b", "c", "d"]):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (number + 1, number + 1))
    (tmp_path / ".e.part").mkdir()
    environments = Environments(tmp_path, tmp_path, most=2)
    environments._collect({"a"})
    assert {path.name for path in tmp_path.iterdir()} == {"a", "d", ".e.part"}


SHA = "0a" * 32


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("pandas", "pandas"),
        ("  pandas >= 2 , < 3  # why ", "pandas<3,>=2"),
        ("torch==2.1 ; python_version < '3.12'", 'torch==2.1; python_version < "3.12"'),
        (
            f"a==1  --hash=sha256:{SHA}   --hash=sha512:{SHA * 2} # x",
            f"a==1 --hash=sha256:{SHA} --hash=sha512:{SHA * 2}",
        ),
        ("a @ https://example.org/a-1.whl", "a @ https://example.org/a-1.whl"),
    ],
)
def test_a_requirement_is_read(line, read):
    assert check_requirement(line) == read


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-r other.txt", "option"),
        ("--index-url http://evil", "option"),
        ("-e .", "option"),
        ("./local", "no requirement"),
        ("a @ file:///etc/passwd", "a path"),
        ("a @ ../b", "a path"),
        ("", "no requirement"),
        ("a b", "no requirement"),
        ("a\n--index-url http://evil", "no requirement"),
        ("x" * 2000, "at most 1000"),
        (5, "write text"),
        ("a==1 --hash=sha256:00", "has the hash 'sha256:00'"),
        (f"a==1 --hash=md5:{SHA[:32]}", "has the hash 'md5:"),
        (f"a==1{f' --hash=sha256:{SHA}' * 501}", "501 hashes"),
        (f"a==1 --hash=sha256:{SHA} --index-url http://evil", "no requirement"),
    ],
)
def test_what_is_no_requirement(line, words):
    with pytest.raises(ValueError, match=words):
        check_requirement(line)
