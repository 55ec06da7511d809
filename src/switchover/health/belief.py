"""What one piece of evidence makes of an instance's health, by a proxy's policy: rise, fall and flap score in one."""

from switchover.health.flapping import penalised
from switchover.health.machine import HealthChange, observe, report
from switchover.model.observation import InstanceHealth, Observation, Report
from switchover.model.policy import FailoverPolicy


def taken_in(health: InstanceHealth, evidence: Observation | Report, policy: FailoverPolicy) -> HealthChange:
    """What `evidence` does to `health`, with a fall counted in the flap score."""
    rise = policy.healthy_threshold
    if isinstance(evidence, Report):
        change = report(health, evidence, rise=rise)
    else:
        change = observe(health, evidence, rise=rise, fall=policy.unhealthy_threshold)
    return penalised(change, policy.flap_damping)
