"""Creating, changing and deleting proxies and their policies."""

import ipaddress
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from switchover.control.commands.words import checked_end, checked_reason
from switchover.control.desk import Desk
from switchover.control.documents import parse_policy, policy_document
from switchover.control.fleet import ProxyState, view_of
from switchover.control.results import SavedConfiguration
from switchover.control.states import shown_proxy
from switchover.control.telling import time_text
from switchover.decision.redundancy import redundancy_of
from switchover.model.actor import Actor, ActorKind
from switchover.model.errors import Conflict, FieldProblem, InvalidInput
from switchover.model.policy import FailoverPolicy, Listener
from switchover.model.proxy import Pin, Proxy, check_proxy_id

_IPV6 = 6


class ConfigurationCommands:
    """Changes what people decided about a proxy as a whole."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def save(
        self, proxy_id: str, user_id: str, config: Mapping[str, Any] | None, actor: Actor
    ) -> SavedConfiguration:
        """Create the proxy for `user_id`, or merge `config` into what is stored.

        Raises:
            InvalidInput: A field is wrong; nothing was changed.
            Conflict: The proxy belongs to somebody else, or another proxy has the listener.
        """
        check_proxy_id(proxy_id)
        if not user_id:
            raise InvalidInput(FieldProblem("userId", user_id, "allowed is the id of the proxy's owner"))
        desk = self._desk
        async with desk.changing(proxy_id):
            if proxy_id in desk.fleet:
                state = desk.fleet.state(proxy_id)
                _check_owner(state.proxy, user_id, actor)
                desk.ownership.check(proxy_id)
                saved = await self._merge(state, config, actor)
            else:
                saved = await self._create(proxy_id, user_id, config, actor)
        await desk.pass_after(proxy_id)
        return replace(saved, proxy=self._shown(proxy_id)) if proxy_id in desk.fleet else saved

    async def delete(self, proxy_id: str, actor: Actor) -> None:
        """Delete the proxy: nodes stop serving it, its instances are gone, its history stays.

        Raises:
            NotFound: There is no such proxy for this actor.
        """
        desk = self._desk
        desk.ours(proxy_id, actor)
        async with desk.changing(proxy_id):
            state = desk.ours(proxy_id, actor)
            trail = desk.trail(
                actor,
                "proxy.delete",
                proxy_id,
                detail={"instances": [i.name for i in state.instances.values()]},
            )
            await desk.store.delete_proxy(proxy_id, desk.clock.now(), trail, fence=state.fence)
            desk.fleet.remove(proxy_id)
            await desk.switching.forget(proxy_id)
        desk.collector.refresh(proxy_id)

    async def pin(self, proxy_id: str, until: datetime | None, reason: str | None, actor: Actor) -> Proxy:
        """Pin the active instance where it is, in place of a pin that there may be.

        Args:
            proxy_id: The proxy.
            until: When the pin ends by itself; None when it does not.
            reason: Why, for the record.
            actor: Who pins.

        Raises:
            InvalidInput: The reason is wrong, or `until` is not ahead.
            NotFound: There is no such proxy for this actor.
            Conflict: It has no active instance to pin.
        """
        desk = self._desk
        words, end = checked_reason(reason), checked_end("until", until, desk.clock.now())
        desk.ours(proxy_id, actor)
        async with desk.changing(proxy_id):
            state = desk.ours(proxy_id, actor)
            active = state.view().active
            if active is None:
                raise Conflict(
                    f"proxy {proxy_id} has no active instance that could be pinned",
                    {"activeInstanceId": None, "epoch": state.proxy.epoch},
                )
            pin = Pin(
                instance_id=active.instance_id,
                by=actor.name,
                reason=words,
                at=desk.clock.now(),
                until=end,
            )
            detail = {"reason": words, "until": time_text(end)}
            trail = desk.trail(actor, "proxy.pin", proxy_id, subject_id=active.instance_id, detail=detail)
            proxy = self._next(state.proxy, pinned_instance_id=active.instance_id, pin_note=pin)
            await desk.store.save_policy(proxy, trail, fence=state.fence)
            desk.fleet.put(replace(state, proxy=proxy))
        await desk.pass_after(proxy_id)
        return self._shown(proxy_id)

    async def unpin(self, proxy_id: str, actor: Actor) -> Proxy:
        """Take the pin off; failback is free to happen again.

        Raises:
            NotFound: There is no such proxy for this actor.
        """
        desk = self._desk
        desk.ours(proxy_id, actor)
        async with desk.changing(proxy_id):
            state = desk.ours(proxy_id, actor)
            pinned = state.proxy.pinned_instance_id
            if pinned is None:
                return state.proxy
            trail = desk.trail(actor, "proxy.unpin", proxy_id, subject_id=pinned, detail={})
            proxy = self._next(state.proxy, pinned_instance_id=None, pin_note=None)
            await desk.store.save_policy(proxy, trail, fence=state.fence)
            desk.fleet.put(replace(state, proxy=proxy))
        await desk.pass_after(proxy_id)
        return self._shown(proxy_id)

    async def _create(
        self, proxy_id: str, user_id: str, config: Mapping[str, Any] | None, actor: Actor
    ) -> SavedConfiguration:
        desk, now = self._desk, self._desk.clock.now()
        policy = parse_policy(config, None)
        self._check_command(None, policy, actor)
        desk.ownership.check_new(proxy_id)
        self._check_listener(proxy_id, policy)
        owned = sum(1 for state in desk.fleet if state.proxy.owner_id == user_id)
        if owned >= desk.limits.proxies_per_owner:
            raise Conflict(
                f"proxyId: {proxy_id!r} would be one proxy too many; allowed are {desk.limits.proxies_per_owner} per owner",
                {"proxies": owned},
            )
        proxy = Proxy(proxy_id=proxy_id, owner_id=user_id, policy=policy, created_at=now, updated_at=now)
        trail = desk.trail(actor, "config.create", proxy_id, detail={"config": policy_document(policy)})
        proxy = await desk.store.create_proxy(proxy, trail)
        fence = await desk.claim(proxy_id)
        derived = redundancy_of(view_of(proxy, {}), previous=None, now=now)
        state = ProxyState(proxy=proxy, instances={}, recorded={}, derived=derived, fence=fence)
        await desk.store.save_redundancy(derived, fence=fence)
        desk.fleet.put(state)
        return SavedConfiguration(proxy=proxy, created=True)

    async def _merge(
        self, state: ProxyState, config: Mapping[str, Any] | None, actor: Actor
    ) -> SavedConfiguration:
        desk, proxy_id = self._desk, state.proxy.proxy_id
        policy = parse_policy(config, state.proxy.policy)
        if policy == state.proxy.policy:
            return SavedConfiguration(proxy=state.proxy, created=False)
        self._check_command(state.proxy.policy, policy, actor)
        self._check_listener(proxy_id, policy)
        before, after = policy_document(state.proxy.policy), policy_document(policy)
        changed = {
            name: {"from": before.get(name), "to": after[name]}
            for name in after
            if after[name] != before.get(name)
        }
        proxy = self._next(state.proxy, policy=policy)
        trail = desk.trail(actor, "config.change", proxy_id, detail=changed)
        await desk.store.save_policy(proxy, trail, fence=state.fence)
        desk.fleet.put(replace(state, proxy=proxy))
        return SavedConfiguration(proxy=proxy, created=False)

    def _check_command(self, before: FailoverPolicy | None, after: FailoverPolicy, actor: Actor) -> None:
        name, known = after.recovery_action.command, self._desk.recovery.command_names
        if name is None or (before is not None and before.recovery_action.command == name):
            return
        # It runs on our machine, with our rights: who owns a proxy does not own that.
        if not actor.sees_all:
            allowed = "allowed is a webhook; only an admin may name a command"
        elif name not in known:
            names = ", ".join(sorted(known)) or "none; the configuration file has no [recovery_commands]"
            allowed = f"there is no such command; allowed are {names}"
        else:
            return
        raise InvalidInput(FieldProblem("config.recoveryAction.command", name, allowed))

    def _next(self, proxy: Proxy, **changes: Any) -> Proxy:
        return replace(proxy, **changes, generation=proxy.generation + 1, updated_at=self._desk.clock.now())

    def _shown(self, proxy_id: str) -> Proxy:
        return shown_proxy(self._desk.fleet.state(proxy_id).proxy, self._desk.clock.now())

    def _check_listener(self, proxy_id: str, policy: FailoverPolicy) -> None:
        # The store refuses the same address and port; a wildcard address overlaps without being the same.
        if policy.listener is None:
            return
        for other in self._desk.fleet:
            listener = other.proxy.policy.listener
            if (
                other.proxy.proxy_id != proxy_id
                and listener is not None
                and _overlap(listener, policy.listener)
            ):
                raise Conflict(
                    f"config.listener: {policy.listener.address}:{policy.listener.port} is already used by another proxy; "
                    "allowed is an address and port that none uses",
                    {"listener": {"address": policy.listener.address, "port": policy.listener.port}},
                )


def _check_owner(proxy: Proxy, user_id: str, actor: Actor) -> None:
    may = user_id == proxy.owner_id if actor.kind is ActorKind.LIBRARY else actor.owns(proxy.owner_id)
    if not may:
        raise Conflict(f"proxyId: {proxy.proxy_id!r} is taken; allowed is an id that nobody else uses")


def _overlap(one: Listener, other: Listener) -> bool:
    if one.port != other.port:
        return False
    first, second = ipaddress.ip_address(one.address), ipaddress.ip_address(other.address)
    if first == second:
        return True
    # A socket bound to :: takes IPv4 too unless the system says otherwise; better to refuse than to find out.
    return any(
        ip.is_unspecified and (ip.version == _IPV6 or first.version == second.version)
        for ip in (first, second)
    )
