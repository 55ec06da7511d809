"""What one node should have: where it opens a listener that is declared for every address."""

from dataclasses import replace

import pytest
from tests.envoy_node import instance_id, plan

from switchover.model.plan import Endpoint, Plan
from switchover.switch.envoy.configuration import NodeConfiguration
from switchover.switch.envoy.resources import resources_of

A = Endpoint(instance_id=instance_id("a"), host="127.0.0.1", port=80, weight=100)


def listening_on(address: str) -> Plan:
    """A plan with a listener there."""
    made = plan([A], port=10000)
    return replace(made, listener=replace(made.listener, address=address))


@pytest.mark.parametrize("wildcard", ["0.0.0.0", "::"])
def test_a_node_with_an_address_of_its_own_opens_listeners_for_every_address_there(wildcard: str) -> None:
    configuration = NodeConfiguration("127.0.0.2")
    bound = configuration.put(listening_on(wildcard))
    assert bound == resources_of(listening_on("127.0.0.2"))
    assert configuration.put(listening_on(wildcard)) is bound
    assert configuration.plan("web") == listening_on(wildcard)


def test_a_listener_that_names_its_address_stays_there() -> None:
    configuration = NodeConfiguration("127.0.0.2")
    assert configuration.put(listening_on("127.0.0.9")) == resources_of(listening_on("127.0.0.9"))


def test_without_an_address_of_its_own_a_node_opens_what_was_declared() -> None:
    assert NodeConfiguration().put(listening_on("0.0.0.0")) == resources_of(listening_on("0.0.0.0"))
