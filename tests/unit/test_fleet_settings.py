"""What starts agents, as settings say it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tensorfleet.composition import worker_types_of
from tensorfleet.errors import InvalidInput
from tensorfleet.fleet.ports import WorkerType
from tensorfleet.settings import ensure_home, load_settings
from tensorfleet.supervisor import launchers
from tensorfleet.supervisor.roles import local_roles


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        yield found


def test_types_are_read_as_people_write_them(tmp_path: Path) -> None:
    (tmp_path / "tensorfleet.yaml").write_text(
        "fleet:\n  launcher: ray\n  placement: spread\n  types:\n"
        "    - {name: cpu, slots: 2, cpus: 4, memory: 8GiB}\n"
        "    - {name: gpu, gpus: 1, cost_per_hour: 2.5, spot: true, most: 3}\n"
    )
    settings = load_settings(home=tmp_path)
    assert settings.fleet.launcher == "ray"
    assert worker_types_of(settings) == (
        WorkerType("cpu", slots=2, cpus=4, memory_bytes=8 * 1024**3),
        WorkerType("gpu", gpus=1, cost_per_hour=2.5, spot=True, most=3),
    )


def test_the_environment_wins_over_the_file_field_by_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tensorfleet.yaml").write_text("fleet: {launcher: ray, placement: spread}\n")
    monkeypatch.setenv("TENSORFLEET_FLEET__LAUNCHER", "local")
    fleet = load_settings(home=tmp_path).fleet
    assert (fleet.launcher, fleet.placement) == ("local", "spread")


@pytest.mark.parametrize(
    ("fleet", "said"),
    [
        ({"launcher": "slurm"}, "'local' or 'ray'"),
        ({"lanucher": "ray"}, "did you mean 'fleet.launcher'"),
        ({"types": []}, "fleet.types"),
        ({"types": [{"name": "a"}, {"name": "a"}]}, "two types are named 'a'"),
        ({"types": [{"name": "../a"}]}, "fleet.types.0.name"),
        ({"types": [{"memory": "much"}]}, "write it like 512MiB"),
        ({"types": [{"cups": 2}]}, "did you mean 'fleet.types.cpus'"),
        ({"types": [{"slots": 0}]}, "fleet.types.0.slots"),
    ],
)
def test_a_mistake_is_named(fleet: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=said.replace("(", r"\(")):
        load_settings(home=tmp_path, fleet=fleet)


def test_without_ray_the_launcher_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launchers, "find_spec", lambda name: None)
    settings = load_settings(home=tmp_path, fleet={"launcher": "ray"})
    with pytest.raises(InvalidInput, match=r"pip install 'tensorfleet\[ray\]'"):
        launchers.check_launcher(settings)
    launchers.check_launcher(load_settings(home=tmp_path))


def test_all_agents_are_on_ray_where_ray_starts_them(tmp_path: Path, listener: socket.socket) -> None:
    def names(**fleet: object) -> list[str]:
        return [
            role.name for role in local_roles(load_settings(home=tmp_path, fleet=fleet), "token", listener)
        ]

    assert names() == ["orchestrator", "gateway", "agent", "nursery", "tuner", "monitor"]
    assert names(launcher="ray") == ["orchestrator", "gateway", "tuner", "monitor"]


def test_gpus_belong_to_the_agents_that_are_started_for_them(tmp_path: Path, listener: socket.socket) -> None:
    def env(**fleet: object) -> dict[str, str]:
        roles = local_roles(load_settings(home=tmp_path, fleet=fleet), "token", listener)
        return next(role.env for role in roles if role.name == "agent")

    assert "CUDA_VISIBLE_DEVICES" not in env()
    assert env(types=[{"name": "gpu", "gpus": 1}])["CUDA_VISIBLE_DEVICES"] == ""


def test_an_agent_is_told_what_it_is(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    told = launchers._Told(settings, ensure_home(settings))("w-7", WorkerType("small", slots=2, cpus=1.5))
    assert (told["worker_id"], told["name"], told["slots"], told["light"]) == ("w-7", "w-7", 2, True)
    assert told["resources"] == {"type": "small", "cpus": 1.5}
    assert told["work_dir"] == str(tmp_path / "fleet" / "w-7")
    assert told["caches"] == str(tmp_path / "agent"), "what one has fetched, all have"


def test_on_ray_each_launch_is_a_later_incarnation(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, fleet={"launcher": "ray"})
    tell = launchers._Told(settings, ensure_home(settings))
    first, second = (tell("w-7", WorkerType(slots=3))["resources"] for _ in range(2))
    assert first["cpus"] == 3, "as many as are asked of Ray"
    assert 0 < first["incarnation"] <= second["incarnation"]
    assert launchers.namespace_of(settings) != launchers.namespace_of(load_settings(home=tmp_path / "other"))
