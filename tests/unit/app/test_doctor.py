import asyncio
import resource
import socket
from pathlib import Path

import pytest

from switchover.app.database import database_url
from switchover.app.datadir import DataDir
from switchover.app.doctor import Finding, Grade, examine
from switchover.app.settings import Settings, load_settings
from switchover.record.migrations.run import upgrade


def settings(data_dir: Path, **others: object) -> Settings:
    return load_settings(None, **{"data_dir": data_dir, "port": 0, **others})


def finding(subject: str, found: Settings) -> Finding:
    (only,) = (f for f in examine(found) if f.subject == subject)
    return only


def test_a_machine_that_has_everything_gets_no_command_to_run(tmp_path: Path) -> None:
    findings = examine(settings(tmp_path / "state"))
    assert [f for f in findings if f.grade is Grade.MISSING] == []
    assert not (tmp_path / "state").exists()


def test_every_finding_that_is_not_well_names_a_command(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    findings = examine(settings(file, envoy_binary=tmp_path / "no-envoy"))
    unwell = [f for f in findings if f.grade is not Grade.WELL]
    assert {f.subject for f in unwell} >= {"Data directory", "Envoy"}
    assert all(f.mend for f in unwell)
    assert [f for f in findings if f.grade is Grade.WELL and f.mend] == []


def test_a_secret_that_others_may_read_is_found(tmp_path: Path) -> None:
    DataDir(tmp_path).secret()
    (tmp_path / "secret").chmod(0o644)
    found = finding("Secret", settings(tmp_path))
    assert (found.grade, found.mend) == (Grade.MISSING, f"chmod 600 {tmp_path / 'secret'}")


def test_a_data_directory_that_is_open_to_others_is_doubtful(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    found = finding("Data directory", settings(tmp_path))
    assert (found.grade, found.mend) == (Grade.DOUBTFUL, f"chmod 700 {tmp_path}")


def test_a_taken_port_is_found(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = finding("API address", settings(tmp_path, port=taken.getsockname()[1]))
    assert (found.grade, found.mend) == (Grade.MISSING, "switchover up --port 0")


def test_a_running_switchover_is_no_taken_port(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path)
    with data_dir.lock():
        data_dir.publish_endpoint("http://127.0.0.1:8700")
        found = finding("API address", settings(tmp_path))
    assert found.grade is Grade.WELL
    assert "runs already" in found.detail
    assert "http://127.0.0.1:8700" in found.detail


@pytest.mark.parametrize("content", ["", "x" * 64, "abcd", "é" * 64])
def test_a_file_that_holds_no_secret_is_found(tmp_path: Path, content: str) -> None:
    file = tmp_path / "secret"
    file.write_text(content)
    file.chmod(0o600)
    found = finding("Secret", settings(tmp_path))
    assert (found.grade, found.mend) == (Grade.MISSING, f"rm {file}")
    assert "allowed are 64 hexadecimal digits" in found.detail


def test_the_database_is_told_with_its_revision(tmp_path: Path) -> None:
    found = settings(tmp_path)
    _, head = asyncio.run(upgrade(database_url(found)))
    assert finding("Database", found).detail == f"at revision {head}"


def test_a_file_that_is_no_database_is_found(tmp_path: Path) -> None:
    (tmp_path / "switchover.db").write_text("this is no database, and long enough to be sure of it " * 50)
    assert finding("Database", settings(tmp_path)).grade is Grade.MISSING


def test_a_long_path_moves_the_sockets(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    assert "too long for unix sockets" in finding("Sockets", settings(deep)).detail


def test_few_open_files_are_doubtful(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
    try:
        found = finding("Open files", settings(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert (found.grade, found.mend) == (Grade.DOUBTFUL, "ulimit -n 4096")


@pytest.mark.parametrize("grade", list(Grade))
def test_findings_are_json(grade: Grade) -> None:
    found = Finding(subject="s", grade=grade, detail="d")
    assert found.as_json() == {"subject": "s", "grade": grade.value, "detail": "d", "mend": None}
