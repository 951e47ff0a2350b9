"""`tensorfleet jobs files`: listed, saved, and nowhere but below the folder."""

import json

FILES = {"model.pt": b"weights" * 500, "deep/a b?#%.txt": b"odd", "empty": b""}


def test_files_are_listed(run, gateway):
    job_id = gateway.add_job(name="spiral")["job_id"]
    assert "has kept no files" in run("jobs", "files", job_id).stderr
    gateway.files[job_id] = FILES | {"line\nbreak": b""}
    shown = run("jobs", "files", "spiral").stdout
    assert "3.5 kB" in shown
    assert "line break" in shown, "a name steers no terminal"
    (one,) = json.loads(run("jobs", "files", job_id, "model.pt", "--json").stdout)
    assert (one["path"], one["bytes"]) == ("model.pt", 3500)


def test_files_are_saved_as_they_are(run, gateway, tmp_path):
    job_id = gateway.add_job(name="spiral")["job_id"]
    gateway.files[job_id] = FILES
    gateway.stream_cuts = [100]
    assert run("jobs", "files", job_id, "--save", tmp_path / "all").exit_code == 0
    assert {
        path.relative_to(tmp_path / "all").as_posix(): path.read_bytes()
        for path in (tmp_path / "all").rglob("*")
        if path.is_file()
    } == FILES
    assert run("jobs", "files", job_id, "model.pt", "--save", tmp_path / "one").exit_code == 0
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["model.pt"]


def test_a_file_that_is_not_kept(run, gateway, tmp_path):
    job_id = gateway.add_job()["job_id"]
    gateway.files[job_id] = FILES
    done = run("jobs", "files", job_id, "modell.pt", "--save", tmp_path / "out")
    assert done.exit_code == 1
    assert "did you mean 'model.pt'?" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_name_that_leads_out_of_the_folder(run, gateway, tmp_path):
    job_id = gateway.add_job()["job_id"]
    gateway.files[job_id] = {"a": b"fine", "../out": b"not"}
    done = run("jobs", "files", job_id, "--save", tmp_path / "out")
    assert done.exit_code == 1
    assert "'../out'" in done.stderr
    assert not list(tmp_path.glob("out*")), "nothing was written before all names were looked at"
