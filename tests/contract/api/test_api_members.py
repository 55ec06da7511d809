"""Every replica lists all of them, and says what keeps it from deciding."""

from uuid import UUID

from tests.api_world import assert_error
from tests.replicated_api import ReplicatedApi
from tests.unit.control.replicas import SESSION_SECONDS


async def test_every_replica_lists_all_of_them_and_what_each_owns(api: ReplicatedApi) -> None:
    for one in api.replicas.all:
        listed = await api.done(one, "GET", "/replicas")
        assert [replica["name"] for replica in listed] == ["r1", "r2", "r3"]
        assert [replica["url"] for replica in listed] == ["http://r1", "http://r2", "http://r3"]
        assert [replica["name"] for replica in listed if replica["isSelf"]] == [one.replica.name]
        assert all(replica["isLive"] for replica in listed)
        owned = {replica["name"]: replica["proxiesOwned"] for replica in listed}
        assert owned == {other.replica.name: len(other.owned) for other in api.replicas.all}
        (own,) = [replica for replica in listed if replica["isSelf"]]
        assert own["secondsSinceRenewal"] <= SESSION_SECONDS / 5
        assert own["standing"] == f"renewed {own['secondsSinceRenewal']:.1f} s ago"
        whole = await api.done(one, "GET", "/proxy/web", user="ann")
        assert whole["owner"] == api.replicas.owner().replica.name
    refused = await api.call(api.replicas.all[0], "GET", "/replicas", user="ann")
    assert_error(refused, 403, 25)


async def test_a_dead_replica_is_listed_as_gone(api: ReplicatedApi) -> None:
    dead, (elsewhere, _) = api.replicas.owner(), api.replicas.others()
    await dead.die()
    await api.replicas.settle(SESSION_SECONDS * 1.5)
    listed = {replica["name"]: replica for replica in await api.done(elsewhere, "GET", "/replicas")}
    gone = listed[dead.replica.name]
    assert (gone["isLive"], gone["proxiesOwned"]) == (False, 0)
    assert gone["secondsSinceRenewal"] >= SESSION_SECONDS
    assert gone["standing"].startswith("gone, renewed 1")
    assert sum(replica["proxiesOwned"] for replica in listed.values()) == 1


async def test_who_cannot_renew_says_so_and_is_not_ready(api: ReplicatedApi) -> None:
    cut = api.replicas.owner()
    cut.way.cut = True
    await api.replicas.settle(SESSION_SECONDS * 0.5)
    (own,) = [replica for replica in await api.done(cut, "GET", "/replicas") if replica["isSelf"]]
    assert own["isLive"]
    assert own["standing"].startswith("cannot renew since 2026-01-01T")
    await api.replicas.settle(SESSION_SECONDS * 0.5)
    (own,) = [replica for replica in await api.done(cut, "GET", "/replicas") if replica["isSelf"]]
    assert (own["isLive"], own["proxiesOwned"]) == (False, 0)
    assert own["standing"].endswith("Z, decides nothing")
    ready = await api.call(cut, "GET", "/readyz")
    assert ready.status_code == 503
    assert any("session is over" in why for why in ready.json()["reasons"])


async def test_who_doubts_itself_says_so_everywhere_and_stays_ready(api: ReplicatedApi) -> None:
    owner, (elsewhere, _) = api.replicas.owner(), api.replicas.others()
    owner.plane._ourselves._outlook.reference(UUID(int=1), answers=False)
    await api.replicas.settle(1)
    ready = await api.call(owner, "GET", "/readyz")
    assert ready.status_code == 200, "it takes orders and serves its nodes"
    (why,) = ready.json()["reasons"]
    assert why.startswith("This replica doubts itself: none of its 1 reference targets answers")
    await api.replicas.settle(SESSION_SECONDS * 2)
    told = {each["name"]: each for each in await api.done(elsewhere, "GET", "/replicas")}
    assert [name for name, each in told.items() if each["doubt"]] == [owner.replica.name]
    assert "this replica doubts itself" in told[owner.replica.name]["standing"]
    assert told[owner.replica.name]["proxiesOwned"] == 0
