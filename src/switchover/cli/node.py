"""`switchover node`: what a remote node needs."""

from pathlib import Path
from typing import Annotated

import typer

from switchover.cli.terminal import say

node = typer.Typer(help="Set up remote nodes.", no_args_is_help=True)


@node.command("bootstrap")
def bootstrap(
    node_id: Annotated[
        str, typer.Option("--node-id", metavar="NAME", help="The node's name; one of the setting `nodes`.")
    ],
    xds: Annotated[
        list[str],
        typer.Option(
            "--xds",
            metavar="HOST:PORT",
            help="Where a replica serves nodes; once for each replica. The node uses any one that answers.",
        ),
    ],
    admin: Annotated[
        str | None,
        typer.Option(
            "--admin",
            metavar="PATH|HOST:PORT",
            help="Envoy's admin interface: a unix socket, or an address of loopback (default: none).",
        ),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            "--tls-certificate", metavar="PATH", help="On the node: its certificate, which names the node id."
        ),
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--tls-key", metavar="PATH", help="On the node: the certificate's key.")
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(
            "--tls-ca", metavar="PATH", help="On the node: the authorities of the replicas' certificates."
        ),
    ] = None,
) -> None:
    """Print the bootstrap of a remote Envoy, for `envoy -c FILE --disable-hot-restart`. Asks no server.

    Without TLS files only replicas on this machine's loopback addresses are allowed.
    """
    from switchover.app.node_bootstrap import node_bootstrap  # noqa: PLC0415 - settings take 0.2 s to import

    for line in node_bootstrap(
        node_id=node_id, xds=xds, admin=admin, tls=(certificate, key, ca)
    ).splitlines():
        say(line)
