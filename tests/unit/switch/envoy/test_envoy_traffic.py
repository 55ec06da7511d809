from tests.envoy_node import instance_id, plan

from switchover.model.plan import Endpoint, EndpointTraffic, TrafficEvidence
from switchover.switch.envoy.messages import EndpointLoad
from switchover.switch.envoy.traffic import MOST_ADDRESSES, MOST_EPOCHS, TrafficAccounts

A = Endpoint(instance_id=instance_id("a"), host="10.0.0.1", port=80, weight=1)
B = Endpoint(instance_id=instance_id("b"), host="10.0.0.2", port=80, weight=1)


def _load(
    endpoint: Endpoint, successes: int = 0, errors: int = 0, in_progress: int = 0, epoch: int = 1
) -> EndpointLoad:
    return EndpointLoad(
        cluster="web",
        sub_zone=f"epoch-{epoch}",
        host=endpoint.host,
        port=endpoint.port,
        successes=successes,
        errors=errors,
        in_progress=in_progress,
    )


def _traffic(
    endpoint: Endpoint, successes: int = 0, errors: int = 0, in_progress: int = 0, epoch: int = 1
) -> EndpointTraffic:
    return EndpointTraffic(
        instance_id=endpoint.instance_id,
        epoch=epoch,
        successes=successes,
        errors=errors,
        in_progress=in_progress,
    )


def _accounts() -> TrafficAccounts:
    accounts = TrafficAccounts("node")
    accounts.know(plan([A], [B], port=1))
    return accounts


def test_addresses_become_instances() -> None:
    accounts = _accounts()

    assert accounts.add([_load(A, successes=3, errors=1, in_progress=2), _load(B, successes=1)])

    assert accounts.take() == (
        TrafficEvidence(node_id="node", proxy_id="web", endpoints=(_traffic(A, 3, 1, 2), _traffic(B, 1))),
    )
    assert accounts.take() == ()


def test_reports_that_nobody_took_are_summed_and_the_gauge_is_the_latest() -> None:
    accounts = _accounts()

    accounts.add([_load(A, successes=3, in_progress=9)])
    accounts.add([_load(A, successes=2, errors=1, in_progress=4)])

    assert accounts.take()[0].endpoints == (_traffic(A, 5, 1, 4),)


def test_who_is_no_longer_told_of_has_no_request_open() -> None:
    accounts = _accounts()
    accounts.add([_load(A, in_progress=5)])
    accounts.take()

    assert accounts.add([])

    assert accounts.take()[0].endpoints == (_traffic(A),)
    assert not accounts.add([])


def test_what_we_do_not_know_is_left_out() -> None:
    accounts = _accounts()
    stranger = Endpoint(instance_id=instance_id("x"), host="10.9.9.9", port=1, weight=1)

    assert not accounts.add([_load(stranger, 1), _load(A, 1, epoch=99)])
    assert accounts.take() == ()


def test_traffic_of_the_epoch_before_is_told_apart() -> None:
    accounts = _accounts()
    accounts.know(plan([B], [A], port=1, epoch=2))

    accounts.add([_load(A, 1, epoch=1), _load(A, 2, epoch=2)])

    assert accounts.take()[0].endpoints == (_traffic(A, 1), _traffic(A, 2, epoch=2))


def test_an_address_is_whose_it_was_in_its_epoch() -> None:
    accounts = _accounts()
    moved = Endpoint(instance_id=B.instance_id, host=A.host, port=A.port, weight=1)
    accounts.know(plan([moved], port=1, epoch=2))

    accounts.add([_load(A, 1, epoch=1), _load(A, 1, epoch=2)])

    assert {(p.instance_id, p.epoch) for p in accounts.take()[0].endpoints} == {
        (A.instance_id, 1),
        (B.instance_id, 2),
    }


def test_only_the_last_epochs_are_kept_however_long_nobody_asks() -> None:
    accounts = _accounts()
    for epoch in range(1, 100):
        accounts.know(plan([A], port=1, epoch=epoch))
        accounts.add([_load(A, 1, in_progress=1, epoch=epoch)])

    assert len(accounts.take()[0].endpoints) == MOST_EPOCHS


def test_addresses_of_one_epoch_do_not_grow_for_ever() -> None:
    accounts = _accounts()
    for port in range(2 * MOST_ADDRESSES + 10):
        accounts.know(
            plan([Endpoint(instance_id=A.instance_id, host="10.1.1.1", port=port, weight=1)], port=1)
        )

    last = Endpoint(instance_id=A.instance_id, host="10.1.1.1", port=port, weight=1)
    assert accounts.add([_load(last, 1)])
    assert not accounts.add([_load(A, 1)])


def test_a_forgotten_proxy_is_gone() -> None:
    accounts = _accounts()
    accounts.add([_load(A, 1, in_progress=1)])

    accounts.forget("web")

    assert accounts.take() == ()
    assert not accounts.add([_load(A, 1)])
