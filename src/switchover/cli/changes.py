"""What has to change so that the server has what a file declares. Pure: both sides are values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from switchover.app.declaration import Declaration, DeclaredInstance, DeclaredProxy
from switchover.control.documents import parse_instance, parse_policy, policy_document
from switchover.model.errors import InvalidInput
from switchover.model.policy import FailoverPolicy

# These follow another field while nobody gives them, so the stored document's values are no wish of anybody.
_FOLLOWERS = ("healthCheckTimeoutSeconds", "fastIntervalSeconds", "failbackHoldDownSeconds", "failback")


class Sign(StrEnum):
    """How a change is drawn."""

    ADD = "+"
    ALTER = "~"
    REMOVE = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field, in the API's names; `before` is None where nothing was."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One request that is to be sent.

    Attributes:
        sign: Whether something comes, changes or goes.
        proxy_id: The proxy it concerns.
        instance_name: The instance it concerns; None for the proxy itself.
        instance_id: That instance's id; None for a new one and for the proxy itself.
        fields: What differs, for people.
        body: What is sent.
    """

    sign: Sign
    proxy_id: str
    instance_name: str | None = None
    instance_id: str | None = None
    fields: tuple[FieldChange, ...] = ()
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One proxy as the server has it: its effective configuration and its instances, in the API's names."""

    config: Mapping[str, Any]
    instances: Sequence[Mapping[str, Any]]


def compare(declaration: Declaration, stored: Mapping[str, Stored], *, prune: bool) -> list[Change]:
    """The changes, in the order in which they are to be made. Only fields that the file gives are compared.

    Args:
        declaration: What should be.
        stored: What is, by proxy id. With `prune` every proxy, otherwise at least those that the file names.
        prune: Whether what the file does not name goes. Proxies go first, so that their listeners are free for others;
            instances last, so that their successors stand before they leave. The instances of a proxy that the file
            names without `instances` stay.
    """
    changes: list[Change] = []
    if prune:
        named = {proxy.proxy_id for proxy in declaration.proxies}
        changes += [Change(sign=Sign.REMOVE, proxy_id=p, body={}) for p in sorted(stored) if p not in named]
    for proxy in declaration.proxies:
        changes += _proxy_changes(proxy, stored.get(proxy.proxy_id), prune=prune)
    return changes


def _proxy_changes(proxy: DeclaredProxy, stored: Stored | None, *, prune: bool) -> Iterator[Change]:
    if stored is None:
        added = tuple(FieldChange(field=f, before=None, after=v) for f, v in _leaves(proxy.config))
        yield Change(sign=Sign.ADD, proxy_id=proxy.proxy_id, fields=added, body=proxy.config)
    else:
        fields = _config_fields(proxy, stored.config)
        if fields:
            tops = {change.field.split(".")[0] for change in fields}
            body = {name: value for name, value in proxy.config.items() if name in tops}
            yield Change(sign=Sign.ALTER, proxy_id=proxy.proxy_id, fields=fields, body=body)
    if proxy.instances is None:
        return
    known = {} if stored is None else {str(i["instanceName"]): i for i in stored.instances}
    for instance in proxy.instances:
        yield from _instance_changes(proxy.proxy_id, instance, known.get(instance.name))
    if prune:
        names = {instance.name for instance in proxy.instances}
        for name, document in known.items():
            if name not in names:
                yield Change(
                    sign=Sign.REMOVE,
                    proxy_id=proxy.proxy_id,
                    instance_name=name,
                    instance_id=str(document["id"]),
                    body={},
                )


def _config_fields(proxy: DeclaredProxy, stored: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    known = _shared(stored, policy_document(FailoverPolicy()))
    wishes = {name: value for name, value in known.items() if name not in _FOLLOWERS or name in proxy.config}
    try:
        wanted = policy_document(parse_policy(proxy.config, parse_policy(wishes, None)))
    except InvalidInput as error:
        # Valid alone, but not together with what is stored.
        problems = (replace(p, field=f"proxy {proxy.proxy_id}: {p.field}") for p in error.problems)
        raise InvalidInput(*problems) from error
    changes = (
        FieldChange(field=path, before=_at(stored, path), after=_at(wanted, path))
        for path, _ in _leaves(proxy.config)
    )
    return tuple(change for change in changes if change.before != change.after)


def _shared(document: Mapping[str, Any], template: Mapping[str, Any]) -> dict[str, Any]:
    """What `document` has of the fields of `template`: a newer server may know fields that we do not."""
    return {
        name: _shared(value, inner)
        if isinstance(value, Mapping) and isinstance(inner := template[name], Mapping)
        else value
        for name, value in document.items()
        if name in template
    }


def _instance_changes(
    proxy_id: str, instance: DeclaredInstance, stored: Mapping[str, Any] | None
) -> Iterator[Change]:
    parsed = parse_instance(instance.data)
    wanted: Mapping[str, Any] = {
        "instanceType": parsed.instance_type,
        "priority": parsed.priority,
        "weight": parsed.weight,
        "address": None if parsed.address is None else str(parsed.address),
    }
    before: Mapping[str, Any] = {} if stored is None else stored
    fields = tuple(
        FieldChange(field=name, before=before.get(name), after=wanted.get(name, value))
        for name, value in instance.data.items()
        if name != "instanceName" and before.get(name) != wanted.get(name, value)
    )
    if stored is None:
        yield Change(
            sign=Sign.ADD, proxy_id=proxy_id, instance_name=instance.name, fields=fields, body=instance.data
        )
    elif fields:
        yield Change(
            sign=Sign.ALTER,
            proxy_id=proxy_id,
            instance_name=instance.name,
            instance_id=str(stored["id"]),
            fields=fields,
            body={change.field: instance.data[change.field] for change in fields},
        )


def _leaves(given: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _at(document: Mapping[str, Any], path: str) -> Any:
    value: Any = document
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value
