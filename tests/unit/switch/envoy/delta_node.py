"""A node that speaks delta xDS with a session, in the words of the tests."""

from collections.abc import Mapping

from tests.envoy_node import instance_id, plan

from switchover.model.plan import Endpoint, Plan
from switchover.switch.envoy.configuration import NodeConfiguration
from switchover.switch.envoy.messages import DeltaRequest, DeltaResponse, ResourceKind
from switchover.switch.envoy.session import Answer, DeltaSession

CLUSTER, ENDPOINTS, LISTENER, ROUTE = ResourceKind
A = Endpoint(instance_id=instance_id("a"), host="10.0.0.1", port=80, weight=1)
B = Endpoint(instance_id=instance_id("b"), host="10.0.0.2", port=80, weight=1)


def a_plan(proxy_id: str = "web", epoch: int = 1, port: int = 10000, active: Endpoint = A) -> Plan:
    return plan([active], port=port, proxy_id=proxy_id, epoch=epoch)


def configured(*plans: Plan) -> NodeConfiguration:
    configuration = NodeConfiguration()
    for each in plans:
        configuration.put(each)
    return configuration


def ask(
    kind: ResourceKind,
    *names: str,
    has: Mapping[str, str] | None = None,
    drop: tuple[str, ...] = (),
    nonce: str = "",
    error: str | None = None,
) -> DeltaRequest:
    return DeltaRequest(
        node_id="",
        type_url=kind.value,
        subscribe=names,
        unsubscribe=drop,
        initial_versions=has or {},
        nonce=nonce,
        error=error,
    )


def take(session: DeltaSession, response: DeltaResponse, error: str | None = None) -> tuple[Answer, ...]:
    return session.receive(ask(response.kind, nonce=response.nonce, error=error))


def sent(session: DeltaSession) -> list[tuple[ResourceKind, list[str], list[str]]]:
    """What is sent now, all of it acknowledged."""
    sent = []
    for response in session.responses():
        sent.append((response.kind, [r.name for r in response.resources], list(response.removed)))
        take(session, response)
    return sent
