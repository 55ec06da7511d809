"""The door for remote nodes, from the settings and the files that they name."""

import ssl
from pathlib import Path

from switchover.app.remote_nodes import read_bind_address
from switchover.app.settings import Settings
from switchover.model.errors import FieldProblem, InvalidInput
from switchover.switch.envoy.door import RemoteDoor, Tls


def remote_door(settings: Settings) -> RemoteDoor | None:
    """Where remote nodes come in; None when there are none.

    Raises:
        InvalidInput: A file cannot be read, or does not hold what it should; its setting is named.
    """
    if settings.xds_listen is None:
        return None
    return RemoteDoor(address=read_bind_address(settings.xds_listen), tls=_tls(settings))


def _tls(settings: Settings) -> Tls | None:
    certificate, key, client_ca = settings.xds_certificate, settings.xds_key, settings.xds_client_ca
    if certificate is None or key is None or client_ca is None:
        return None
    read = Tls(
        certificate=_read("xds_certificate", certificate),
        key=_read("xds_key", key),
        client_ca=_read("xds_client_ca", client_ca),
    )
    # grpc would say no more than that it cannot bind.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        words = f"allowed is the PEM key, without a password, of the certificate in {certificate} ({error})"
        raise InvalidInput(FieldProblem("xds_key", str(key), words)) from error
    try:
        context.load_verify_locations(client_ca)
    except ssl.SSLError as error:
        words = f"allowed is a file of PEM certificates ({error})"
        raise InvalidInput(FieldProblem("xds_client_ca", str(client_ca), words)) from error
    return read


def _no_password() -> str:
    # By default OpenSSL asks the terminal.
    raise ValueError("it is encrypted")


def _read(field: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        words = f"it cannot be read: {error.strerror or error}"
        raise InvalidInput(FieldProblem(field, str(path), words)) from error
