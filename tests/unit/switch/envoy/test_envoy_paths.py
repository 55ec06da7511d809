import os
from pathlib import Path

import pytest

from switchover.model.errors import OwnError
from switchover.switch.envoy.paths import MOST_SOCKET_PATH_BYTES, envoy_paths, make_private, runtime_directory

RUNTIME = Path("/run/user/1000")


def test_sockets_are_beside_the_rest() -> None:
    paths = envoy_paths(Path("/srv/data/envoy"), RUNTIME)

    assert paths.xds_socket == Path("/srv/data/envoy/xds.sock")
    assert paths.admin_socket.parent == paths.bootstrap.parent == paths.log.parent == paths.directory


@pytest.mark.parametrize("character", ["x", "ü"])
def test_sockets_of_a_directory_with_a_long_path_are_in_the_runtime_directory(character: str) -> None:
    deep = Path("/") / (character * 90)

    paths = envoy_paths(deep, RUNTIME)

    assert paths.directory == deep
    assert paths.sockets.parent == RUNTIME
    assert len(os.fsencode(paths.admin_socket)) <= MOST_SOCKET_PATH_BYTES
    assert envoy_paths(deep, RUNTIME) == paths
    assert envoy_paths(Path("/") / ("y" * 90), RUNTIME).sockets != paths.sockets


def test_exactly_the_longest_path_stays() -> None:
    name = "/envoy-admin.sock"
    longest = Path("/" + "x" * (MOST_SOCKET_PATH_BYTES - len(name) - 1))

    assert envoy_paths(longest, RUNTIME).sockets == longest
    assert envoy_paths(Path(f"{longest}x"), RUNTIME).sockets != longest


def test_two_paths_that_are_too_long_are_refused() -> None:
    with pytest.raises(OwnError, match="too long"):
        envoy_paths(Path("/") / ("x" * 90), Path("/") / ("y" * 90))


def test_a_private_directory_is_for_us_alone(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir(mode=0o755)

    make_private(open_to_all)
    make_private(tmp_path / "new" / "nested")

    assert open_to_all.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "nested").stat().st_mode & 0o777 == 0o700


def test_a_link_or_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").touch()

    for name in ("link", "file"):
        with pytest.raises(OwnError, match=name):
            make_private(tmp_path / name)


def test_the_runtime_directory_exists() -> None:
    assert runtime_directory().is_dir()
