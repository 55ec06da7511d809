from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from switchover.app.remote_door import remote_door
from switchover.app.remote_nodes import RemoteNode, read_node
from switchover.app.settings import load_settings
from switchover.model.errors import InvalidInput

LISTEN = {"nodes": "edge-1", "xds_listen": "10.0.0.1:8701"}


def _refused(**settings: object) -> dict[str, str]:
    """Field → what is said of it."""
    with pytest.raises(InvalidInput) as refused:
        remote_door(load_settings(None, **settings))
    return {problem.field: problem.allowed for problem in refused.value.problems}


def _files(directory: Path) -> dict[str, object]:
    ca = trustme.CA()
    certificate = ca.issue_cert("10.0.0.1")
    paths = {name: directory / name for name in ("xds_certificate", "xds_key", "xds_client_ca")}
    certificate.cert_chain_pems[0].write_to_path(paths["xds_certificate"])
    certificate.private_key_pem.write_to_path(paths["xds_key"])
    ca.cert_pem.write_to_path(paths["xds_client_ca"])
    return {**LISTEN, **paths}


def test_nodes_are_named_with_commas_in_the_environment_and_as_a_list_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('nodes = ["edge-1", "edge-2"]\nxds_listen = "127.0.0.1:8701"\n')
    assert load_settings(file).nodes == ("edge-1", "edge-2")
    monkeypatch.setenv("SWITCHOVER_NODES", "edge-3, edge-4,")
    assert load_settings(file).nodes == ("edge-3", "edge-4")


def test_no_remote_nodes_is_no_door() -> None:
    assert remote_door(load_settings(None)) is None


def test_loopback_needs_no_certificates() -> None:
    door = remote_door(load_settings(None, nodes=["edge-1"], xds_listen="[::1]:8701"))
    assert door is not None
    assert (str(door.address), door.tls) == ("[::1]:8701", None)


@pytest.mark.parametrize("listen", ["10.0.0.1:8701", "0.0.0.0:8701", "[::]:8701"])
def test_elsewhere_every_file_that_is_missing_is_named(listen: str) -> None:
    refused = _refused(nodes="edge-1", xds_listen=listen)
    assert refused.keys() == {
        "SWITCHOVER_XDS_CERTIFICATE",
        "SWITCHOVER_XDS_KEY",
        "SWITCHOVER_XDS_CLIENT_CA",
    }
    assert listen in refused["SWITCHOVER_XDS_KEY"]


def test_the_files_are_read(tmp_path: Path) -> None:
    files = _files(tmp_path)
    door = remote_door(load_settings(None, **files))
    assert door is not None
    assert door.tls is not None
    assert door.tls.key == (tmp_path / "xds_key").read_bytes()
    assert "PRIVATE KEY" not in repr(door)


def test_one_file_of_three_is_refused_on_loopback_too(tmp_path: Path) -> None:
    files = {**_files(tmp_path), "xds_listen": "127.0.0.1:8701", "xds_key": None}
    assert _refused(**files).keys() == {"--xds-key"}


@pytest.mark.parametrize("field", ["xds_certificate", "xds_key", "xds_client_ca"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, field: str) -> None:
    refused = _refused(**{**_files(tmp_path), field: tmp_path / "nowhere"})
    assert refused == {field: "it cannot be read: No such file or directory"}


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    files = _files(tmp_path)
    trustme.CA().issue_cert("x").private_key_pem.write_to_path(tmp_path / "xds_key")
    assert "of the certificate in" in _refused(**files)["xds_key"]


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_a_password(tmp_path: Path) -> None:
    files = _files(tmp_path)
    path = tmp_path / "xds_key"
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
    )
    assert "without a password" in _refused(**files)["xds_key"]


def test_authorities_that_are_none_are_refused(tmp_path: Path) -> None:
    files = _files(tmp_path)
    (tmp_path / "xds_client_ca").write_text("nothing")
    assert "PEM certificates" in _refused(**files)["xds_client_ca"]


@pytest.mark.parametrize(
    "listen",
    ["8701", "localhost:8701", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "::1:8701", "[::1%lo]:1"],
)
def test_an_address_that_is_none_is_refused(listen: str) -> None:
    assert _refused(nodes="edge-1", xds_listen=listen).keys() == {"--xds-listen"}


@pytest.mark.parametrize("nodes", ["edge 1", "-edge", "a/b", "x" * 64, "edge-1,edge-1", "embedded"])
def test_names_of_nodes_are_checked(nodes: str) -> None:
    assert _refused(nodes=nodes, xds_listen="127.0.0.1:8701").keys() == {"--nodes"}


def test_nodes_and_an_address_go_together() -> None:
    assert _refused(nodes="edge-1").keys() == {"SWITCHOVER_XDS_LISTEN"}
    assert _refused(xds_listen="127.0.0.1:8701").keys() == {"SWITCHOVER_NODES"}
    assert _refused(xds_key=Path("key")).keys() == {"--xds-key"}


def test_a_node_may_have_an_address_of_its_own() -> None:
    assert read_node("edge-1") == RemoteNode("edge-1", None)
    assert read_node("edge-1@127.0.0.2") == RemoteNode("edge-1", "127.0.0.2")
    assert read_node("edge-1@::1") == RemoteNode("edge-1", "::1")


@pytest.mark.parametrize(
    "text", ["edge-1@", "edge-1@0.0.0.0", "edge-1@::", "edge-1@host.example", "@127.0.0.2"]
)
def test_an_address_that_is_not_one_of_a_machine_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="allowed"):
        read_node(text)
