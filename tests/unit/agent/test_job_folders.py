"""How long the folder of a job stays on a worker."""

from tensorfleet.agent.job_folders import JobFolders, _remove


def test_a_folder_stays_while_it_is_used_and_a_while_after(tmp_path):
    folders = JobFolders(tmp_path, kept_s=100)
    path = folders.enter(1, "j-1")
    folders.enter(2, "j-1")
    path.mkdir()
    (path / "code").mkdir()
    assert folders.set_aside(0) == folders.set_aside(200) == []
    folders.leave(1)
    assert folders.set_aside(201) == folders.set_aside(400) == [], "another rank of the job is still here"
    folders.leave(2)
    assert folders.set_aside(500) == folders.set_aside(599) == []
    folders.enter(3, "j-1")
    folders.leave(3)
    assert folders.set_aside(650) == folders.set_aside(740) == [], "it counts from the last use"
    gone = folders.set_aside(751)
    assert not path.exists()
    _remove(gone)
    assert list(tmp_path.iterdir()) == []


def test_what_an_earlier_agent_left_half_removed_goes(tmp_path):
    (tmp_path / ".gone-j-1").mkdir()
    assert JobFolders(tmp_path).set_aside(0) == [tmp_path / ".gone-j-1"]
    assert JobFolders(tmp_path / "none").set_aside(0) == []
