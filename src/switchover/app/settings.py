"""Process settings: the only reader of environment variables and of the settings file.

Policy is not here; it lives in the store and changes while the process runs. These are read once.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from switchover.api.auth.keys import FAMILIES, checked_url
from switchover.api.auth.tokens import FEWEST_SECRET_BYTES, OUR_NAME
from switchover.app.recovery_commands import named_commands, read_commands
from switchover.app.remote_nodes import NODE_ID_PATTERN, bind_address, listed, node_text, remote_node_problems
from switchover.app.replicas import reachable_url
from switchover.control.documents.document import no_such
from switchover.model.address import parse_address
from switchover.model.errors import FieldProblem, InvalidInput
from switchover.telemetry.logging import LogFormat, LogLevel

PREFIX = "SWITCHOVER_"
# The command line's own variables: where its clients find the API.
_CLIENT_VARIABLES = frozenset({"SWITCHOVER_URL", "SWITCHOVER_TOKEN"})
_SECRET_FIELDS = frozenset({"jwt_secret", "database_url"})


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < FEWEST_SECRET_BYTES:
        raise ValueError(f"allowed are {FEWEST_SECRET_BYTES} bytes or more")
    return secret


def _listed(value: Any) -> Any:
    # A file has lists; a variable has one line, with commas.
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


def _reachable(text: str) -> str:
    try:
        return str(parse_address(text))
    except InvalidInput as error:
        raise ValueError(error.problems[0].allowed) from error


def _known_algorithms(algorithms: tuple[str, ...]) -> tuple[str, ...]:
    if not algorithms or not FAMILIES.keys() >= set(algorithms):
        raise ValueError(
            f"allowed are one or more of {', '.join(sorted(FAMILIES))}, with commas between them"
        )
    return algorithms


class Settings(BaseSettings):
    """Everything that a process is told when it starts.

    Order of precedence: command-line options, `SWITCHOVER_*` variables, the TOML file, these defaults.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=False
    )

    data_dir: Path = Field(Path(".switchover"), description="Where the embedded parts keep their state.")
    host: str = Field("127.0.0.1", min_length=1, description="Address the API listens on.")
    port: int = Field(8700, ge=0, le=65535, description="Port the API listens on; 0 takes a free one.")
    database_url: str | None = Field(
        None,
        pattern=r"^(sqlite\+aiosqlite:///|postgres(ql)?(\+asyncpg)?://).+",
        description="Database: postgresql://user:password@host:5432/database, or sqlite+aiosqlite:///path; "
        "the data directory's SQLite file by default.",
    )
    database_pool_size: int = Field(
        10, ge=1, le=1000, description="Most connections to a PostgreSQL; one more listens."
    )
    database_connect_timeout_seconds: float = Field(
        5, gt=0, le=3600, description="How long opening a connection to a PostgreSQL may take."
    )
    database_statement_timeout_seconds: float = Field(
        10, ge=0.1, le=3600, description="How long one statement on a PostgreSQL may take."
    )
    database_lock_timeout_seconds: float = Field(
        5, ge=0.1, le=3600, description="How long to wait for a row or table that others hold."
    )
    replica_name: str | None = Field(
        None, pattern=NODE_ID_PATTERN, description="Name among several replicas; the machine's by default."
    )
    advertise_url: Annotated[str, AfterValidator(reachable_url)] | None = Field(
        None,
        description="Where the other replicas reach this one's API, such as http://10.0.0.1:8700; host and port by default.",
    )
    lease_seconds: float = Field(
        10, ge=1, le=300, description="How long a replica that died keeps its proxies from the others."
    )
    log_level: LogLevel = Field(LogLevel.INFO, description="Least severe log lines that are written.")
    log_format: LogFormat = Field(LogFormat.CONSOLE, description="How log lines are written.")
    envoy_binary: Path | None = Field(None, description="The Envoy to start; the first one found by default.")
    node_id: str = Field("embedded", pattern=NODE_ID_PATTERN, description="Name of the embedded Envoy.")
    nodes: Annotated[
        tuple[Annotated[str, AfterValidator(node_text)], ...], NoDecode, BeforeValidator(listed)
    ] = Field(
        (),
        description="Names of the remote nodes, with commas; the same on all replicas. `NAME@ADDRESS` opens listeners"
        " that are declared for every address on that one alone.",
    )
    xds_listen: Annotated[str, AfterValidator(bind_address)] | None = Field(
        None, description="IP address and port that remote nodes connect to."
    )
    xds_certificate: Path | None = Field(
        None, description="PEM file with the certificate that is shown to remote nodes."
    )
    xds_key: Path | None = Field(None, description="PEM file with the private key of xds_certificate.")
    xds_client_ca: Path | None = Field(
        None, description="PEM file with the authorities of the nodes' certificates."
    )
    stop_envoy_on_term: bool = Field(False, description="Whether SIGTERM ends the Envoy too; for containers.")
    jwt_secret: Annotated[SecretStr, AfterValidator(_long_enough)] | None = Field(
        None, description="Shared secret of HS256 tokens; generated into the data directory by default."
    )
    jwt_jwks_url: Annotated[str, AfterValidator(checked_url)] | None = Field(
        None, description="Where an identity provider's keys are; then tokens are verified with these alone."
    )
    jwt_algorithms: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_known_algorithms)
    ] = Field(
        ("RS256",),
        description="What tokens may be signed with when jwt_jwks_url is given; a variable has commas between them.",
    )
    jwt_issuer: str = Field(OUR_NAME, min_length=1, description="The `iss` that tokens must have.")
    jwt_audience: str = Field(OUR_NAME, min_length=1, description="The `aud` that tokens must have.")
    jwt_roles_claim: str = Field(
        "roles", min_length=1, description="Where a token's roles are: claims with dots."
    )
    jwt_leeway_seconds: float = Field(
        10, ge=0, le=300, description="How far the clocks of others may differ."
    )
    doubt_percent: float = Field(
        50,
        ge=0,
        le=100,
        description="When more than this share of the instances looked at fails at once, we doubt ourselves and move"
        " nothing; 100 never does.",
    )
    doubt_window_seconds: float = Field(
        120, gt=0, le=86_400, description="Failures that began longer ago are believed all the same."
    )
    doubt_fewest_instances: int = Field(
        10, ge=1, le=1_000_000, description="With fewer instances looked at, their share says nothing."
    )
    doubt_lag_seconds: float = Field(
        1, gt=0, le=3600, description="How late our own loop may be before we doubt ourselves."
    )
    reference_targets: Annotated[
        tuple[Annotated[str, AfterValidator(_reachable)], ...], NoDecode, BeforeValidator(_listed)
    ] = Field(
        (),
        description="Addresses (host:port) that must accept connections, with commas; while none does, we are blind and"
        " move nothing.",
    )
    probe_concurrency: int = Field(256, ge=1, le=10_000, description="Probes at once.")
    recovery_commands: Annotated[
        dict[str, tuple[str, ...]], NoDecode, BeforeValidator(read_commands), AfterValidator(named_commands)
    ] = Field(
        {},
        description="Commands that a proxy's recoveryAction may name: a table of lists in the file, a JSON object in a"
        " variable.",
    )
    recovery_timeout_seconds: float = Field(
        30, ge=0.1, le=3600, description="How long one recovery attempt may take."
    )
    events_retention_days: float = Field(365, gt=0, le=36_500, description="How long closed events are kept.")
    metrics_retention_days: float = Field(14, gt=0, le=36_500, description="How long metrics are kept.")
    messages_retention_days: float = Field(
        7, gt=0, le=36_500, description="How long handed-over messages are kept."
    )
    proxies_per_owner: int = Field(10_000, ge=1, le=1_000_000, description="Live proxies of one user.")
    instances_per_proxy: int = Field(250, ge=1, le=10_000, description="Instances of one proxy.")
    requests_per_second: float = Field(
        200, gt=0, le=1_000_000, description="API requests of one user; more are answered 429."
    )

    @model_validator(mode="after")
    def _one_kind_of_key(self) -> "Settings":
        if self.jwt_secret is not None and self.jwt_jwks_url is not None:
            raise ValueError("jwt_secret and jwt_jwks_url exclude each other; allowed is one of them")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - a file that nobody named is not read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - see above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options and the file come in through `init`, the environment between them is merged by `load_settings`."""
        return (init_settings, env_settings)


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """The settings of this process.

    Args:
        config: A TOML file of settings by their names here; None reads none.
        **overrides: What the command line gave.

    Raises:
        InvalidInput: A setting is unknown or not valid; it is named as where it came from names it.
    """
    given = {name.lower(): value for name, value in os.environ.items() if name.upper().startswith(PREFIX)}
    _refuse_unknown_variables(given)
    from_file = {} if config is None else _read_file(config)
    # The environment wins over the file: what it says is taken out of what the file says.
    filed = {name: value for name, value in from_file.items() if f"{PREFIX}{name}".lower() not in given}
    origins = _Origins(config, frozenset(filed) - overrides.keys(), frozenset(overrides))
    try:
        settings = Settings(**{**filed, **overrides})
    except ValidationError as error:
        raise InvalidInput(
            *(_problem(detail, given, {**filed, **overrides}, origins) for detail in error.errors())
        ) from None
    problems = remote_node_problems(
        embedded=settings.node_id,
        nodes=settings.nodes,
        listen=settings.xds_listen,
        tls=(settings.xds_certificate, settings.xds_key, settings.xds_client_ca),
    )
    if problems:
        raise InvalidInput(*(replace(each, field=origins.name(each.field)) for each in problems))
    return settings


class _Origins:
    def __init__(self, config: Path | None, filed: frozenset[str], options: frozenset[str]) -> None:
        self._config, self._filed, self._options = config, filed, options

    def name(self, field: str) -> str:
        """The setting as its source names it: an option, a key of the file, or a variable."""
        if field in self._options:
            return f"--{field.replace('_', '-')}"
        if field in self._filed:
            return f"{self._config}: {field}"
        return f"{PREFIX}{field.upper()}"


def _problem(
    detail: Any, variables: Mapping[str, str], given: Mapping[str, Any], origins: _Origins
) -> FieldProblem:
    field = str(detail["loc"][0]) if detail["loc"] else ""
    value = given.get(field, variables.get(f"{PREFIX}{field}".lower()))
    if field in _SECRET_FIELDS or "@" in str(value):
        value = "…"
    if not field:
        return FieldProblem(
            "settings", "jwt_secret, jwt_jwks_url", str(detail["msg"]).removeprefix("Value error, ")
        )
    return FieldProblem(origins.name(field), value, _allowed(detail, field))


def _allowed(detail: Any, field: str) -> str:
    if detail["type"] == "extra_forbidden":
        return no_such("setting", field, sorted(Settings.model_fields))
    words = str(detail["msg"]).removeprefix("Value error, ")
    described = Settings.model_fields[field].description or ""
    return f"{words[:1].lower()}{words[1:]} ({described.rstrip('.')})"


def _refuse_unknown_variables(given: Mapping[str, str]) -> None:
    known = {f"{PREFIX}{name}".lower() for name in Settings.model_fields} | {
        v.lower() for v in _CLIENT_VARIABLES
    }
    unknown = sorted(name.upper() for name in given if name not in known)
    if unknown:
        allowed = sorted(name.upper() for name in known)
        raise InvalidInput(
            *(FieldProblem(name, "…", no_such("setting", name, allowed, prefix=PREFIX)) for name in unknown)
        )


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InvalidInput(FieldProblem("--config", str(path), f"it cannot be read: {why}")) from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(FieldProblem("--config", str(path), f"it is not TOML: {error}")) from error
