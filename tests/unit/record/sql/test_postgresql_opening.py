"""Who cannot get in is told why; what trying again cannot mend is told with what mends it, and without the password."""

import traceback
from urllib.parse import quote

import pytest
from tests.postgresql_server import EMPTY, PASSWORD, SHARED, USER, PostgresqlServer
from tests.record_values import a_proxy
from tests.tcp_relay import relay_to

from switchover.model.errors import StoreUnavailable
from switchover.record.migrations.run import upgrade
from switchover.record.sql.store import open_store
from switchover.record.unusable import UnusableDatabase


async def test_too_many_connections_are_told(
    postgresql_server: PostgresqlServer, postgresql_url: str
) -> None:
    async with postgresql_server.admin() as admin:
        await admin.execute(f"ALTER ROLE {USER} CONNECTION LIMIT 0")
        try:
            with pytest.raises(
                StoreUnavailable, match="the server has too many connections; see max_connections"
            ):
                await open_store(postgresql_url)
        finally:
            await admin.execute(f"ALTER ROLE {USER} CONNECTION LIMIT -1")

    await (await open_store(postgresql_url)).close()


async def test_a_stopped_server_cannot_be_reached_and_a_starting_one_says_so(
    postgresql_server: PostgresqlServer, postgresql_url: str
) -> None:
    postgresql_server.stop()
    try:
        with pytest.raises(StoreUnavailable, match="the server cannot be reached"):
            await open_store(postgresql_url)
    finally:
        postgresql_server.start()


async def test_a_host_that_is_gone_does_not_keep_the_next_from_being_tried(
    postgresql_server: PostgresqlServer, postgresql_url: str
) -> None:
    async with relay_to(postgresql_server.port) as relay:
        relay.speaking.clear()
        hosts = f"127.0.0.1:{relay.port},127.0.0.1:1,"
        url = postgresql_url.replace("@127", f"@{hosts}127")

        store = await open_store(f"{url}?connect_timeout=2&target_session_attrs=read-write")

        await store.create_proxy(a_proxy())
        await store.close()


async def test_hosts_that_take_no_writes_are_told(
    postgresql_server: PostgresqlServer, postgresql_url: str
) -> None:
    async with postgresql_server.admin() as admin:
        await admin.execute(f"ALTER ROLE {USER} SET default_transaction_read_only = on")
        try:
            with pytest.raises(StoreUnavailable, match="it is read-only: a standby, or default_transaction"):
                await open_store(f"{postgresql_url}?target_session_attrs=read-write")
        finally:
            await admin.execute(f"ALTER ROLE {USER} RESET default_transaction_read_only")


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (":s3", ":wrong-s3", "the password is wrong; mend it in the database URL"),
        (f"/{SHARED}", "/nowhere", "there is no such database; make it with `createdb`"),
        ("//switchover:", "//stranger:", "the password is wrong"),
        (f"/{SHARED}", f"/{SHARED}?sslmode=require", "the server speaks no TLS"),
    ],
)
async def test_a_url_that_lets_nobody_in_is_unusable_and_keeps_its_secret(
    postgresql_url: str, before: str, after: str, words: str
) -> None:
    assert before in postgresql_url

    for attempt in (open_store, upgrade):
        with pytest.raises(UnusableDatabase, match=words) as refused:
            await attempt(postgresql_url.replace(before, after))
        told = str(refused.value) + "".join(traceback.format_exception(refused.value))
        assert not [secret for secret in (PASSWORD, quote(PASSWORD, safe="")) if secret in told]
        assert f"127.0.0.1:{postgresql_url.rpartition(':')[2].partition('/')[0]}/" in str(refused.value)


async def test_a_user_who_may_not_write_is_told_what_to_grant(
    postgresql_server: PostgresqlServer, postgresql_url: str
) -> None:
    async with postgresql_server.admin(SHARED) as admin:
        await admin.execute(f"ALTER TABLE proxies OWNER TO postgres; GRANT SELECT ON proxies TO {USER}")
        try:
            with pytest.raises(UnusableDatabase, match="the user may not do that; GRANT it"):
                await open_store(postgresql_url)
        finally:
            await admin.execute(f"ALTER TABLE proxies OWNER TO {USER}")


async def test_a_user_who_may_not_make_tables_is_told(postgresql_server: PostgresqlServer) -> None:
    async with postgresql_server.database(EMPTY) as name:
        async with postgresql_server.admin(name) as admin:
            await admin.execute(
                "ALTER SCHEMA public OWNER TO postgres; REVOKE ALL ON SCHEMA public FROM PUBLIC"
            )
        with pytest.raises(
            UnusableDatabase, match=r"there is no schema to hold tables|the user may not do that"
        ):
            await upgrade(postgresql_server.url(name))


async def test_a_database_of_another_encoding_is_refused(postgresql_server: PostgresqlServer) -> None:
    async with postgresql_server.admin() as admin:
        await admin.execute(
            f"CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' OWNER {USER}"
        )
        try:
            with pytest.raises(
                UnusableDatabase, match="its encoding is LATIN1; make one with CREATE DATABASE"
            ):
                await upgrade(postgresql_server.url("latin"))
        finally:
            await admin.execute("DROP DATABASE latin WITH (FORCE)")
