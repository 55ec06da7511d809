"""Permissions: every operation of the API needs exactly one."""

from enum import StrEnum


class Permission(StrEnum):
    """What a caller may do, with the proxies that their role reaches."""

    CONFIGURATION_READ = "configuration:read"
    CONFIGURATION_WRITE = "configuration:write"
    INSTANCE_READ = "instance:read"
    INSTANCE_WRITE = "instance:write"
    HEALTH_REPORT = "health:report"
    METRICS_READ = "metrics:read"
    FAILOVER_EVALUATE = "failover:evaluate"
    FAILOVER_EXECUTE = "failover:execute"
    EVENT_READ = "event:read"
    EVENT_COMPLETE = "event:complete"
    REDUNDANCY_READ = "redundancy:read"
    REDUNDANCY_DECLARE = "redundancy:declare"
    PROXY_READ = "proxy:read"
    PROXY_DELETE = "proxy:delete"
    AUTOMATION_READ = "automation:read"
    AUTOMATION_WRITE = "automation:write"
    NODE_READ = "node:read"
    REPLICA_READ = "replica:read"
