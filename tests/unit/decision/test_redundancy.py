from dataclasses import replace

import pytest
from tests.proxies import NOON, after, id_of, instance, view_of

from switchover.decision.redundancy import redundancy_of, same_redundancy, standing_of
from switchover.decision.view import View
from switchover.model.instance import AdminState, Standing
from switchover.model.observation import Health
from switchover.model.redundancy import RedundancyLevel, RedundancySource, RedundancyStatus


def derived(view: View, previous: RedundancyStatus | None = None) -> RedundancyStatus:
    return redundancy_of(view, previous=previous, now=NOON)


@pytest.mark.parametrize(
    ("total", "level"),
    [
        (0, RedundancyLevel.SINGLE),
        (1, RedundancyLevel.SINGLE),
        (2, RedundancyLevel.DUAL),
        (3, RedundancyLevel.MULTI),
        (4, RedundancyLevel.MULTI),
    ],
)
def test_the_level_follows_the_total(total: int, level: RedundancyLevel) -> None:
    view = view_of(*(instance(name) for name in "abcd"[:total]))
    assert derived(view).redundancy_level is level


def test_everything_is_counted_and_backups_come_by_preference() -> None:
    view = view_of(
        instance("a", priority=3),
        instance("b", priority=2),
        instance("c", priority=1),
        instance("d", Health.UNHEALTHY),
        instance("e", Health.UNKNOWN),
        instance("f", admin_state=AdminState.DRAIN),
        active="b",
        epoch=5,
    )
    status = derived(view)
    assert (status.total_instances, status.healthy_instances, status.unhealthy_instances) == (6, 4, 1)
    assert status.backup_instance_ids == (id_of("c"), id_of("a"))
    assert (status.active_instance_id, status.epoch, status.updated_at) == (id_of("b"), 5, NOON)
    assert status.source is RedundancySource.DERIVED
    assert not status.is_degraded


@pytest.mark.parametrize(
    "view",
    [
        view_of(),
        view_of(instance("a"), active="a"),
        view_of(instance("a"), instance("b")),
        view_of(instance("a"), instance("b"), active="z"),
        view_of(instance("a", Health.UNKNOWN), instance("b"), instance("c"), active="a"),
        view_of(instance("a"), instance("b", Health.UNHEALTHY), active="a"),
        view_of(
            *(instance(n) for n in "ab"),
            *(instance(n, Health.UNKNOWN) for n in "cde"),
            active="a",
        ),
    ],
    ids=[
        "empty",
        "no backup",
        "no active yet",
        "active gone",
        "active not healthy",
        "no healthy backup",
        "under half",
    ],
)
def test_it_is_degraded(view: View) -> None:
    assert derived(view).is_degraded


def test_exactly_half_healthy_with_a_backup_is_not_degraded() -> None:
    view = view_of(
        instance("a"),
        instance("b"),
        instance("c", Health.UNHEALTHY),
        instance("d", Health.UNHEALTHY),
        active="a",
    )
    assert not derived(view).is_degraded


def test_the_last_failover_is_carried_over_even_from_a_declared_status() -> None:
    view = view_of(instance("a"), instance("b"), active="a")
    declared = replace(
        derived(view),
        source=RedundancySource.DECLARED,
        last_failover_at=after(-60),
        last_failover_reason="because",
    )
    status = derived(view, previous=declared)
    assert (status.last_failover_at, status.last_failover_reason) == (after(-60), "because")
    assert status.source is RedundancySource.DERIVED


def test_two_statuses_are_the_same_whenever_they_came_to_be() -> None:
    view = view_of(instance("a"), instance("b"), active="a")
    now, later = derived(view), redundancy_of(view, previous=None, now=after(60))
    assert same_redundancy(now, later)
    assert not same_redundancy(now, replace(later, is_degraded=True))
    assert not same_redundancy(now, replace(later, source=RedundancySource.DECLARED))


def test_standing_tells_active_standby_and_neither() -> None:
    active, standby, ill = instance("a", Health.UNHEALTHY), instance("b"), instance("c", Health.UNKNOWN)
    view = view_of(active, standby, ill, active="a")
    assert [standing_of(i, view) for i in (active, standby, ill)] == [
        Standing.ACTIVE,
        Standing.STANDBY,
        Standing.INELIGIBLE,
    ]
