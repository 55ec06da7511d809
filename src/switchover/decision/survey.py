"""The survey: every instance of a proxy judged once, so that each rule reads the same evidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from switchover.decision.damping import damping_of
from switchover.decision.eligibility import lasting_vetoes
from switchover.decision.quorum import is_down_elsewhere
from switchover.decision.reasons import Reason, Veto
from switchover.decision.strategy import in_order
from switchover.decision.verdict import CandidateEvidence, Decision, DecisionKind
from switchover.decision.view import View
from switchover.model.instance import Instance

Facts = Mapping[str, int | float | str]
NO_FACTS: Facts = {}
_VETO_ORDER = tuple(Veto)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A view, judged at one moment.

    Attributes:
        view: What was judged.
        now: When.
        eligible: Who may become active, in the strategy's order; the active is among them when it is well.
        candidates: The evidence, one entry per instance: the eligible in that order, then the vetoed by preference.
    """

    view: View
    now: datetime
    eligible: tuple[Instance, ...]
    candidates: tuple[CandidateEvidence, ...]

    @property
    def best_standby(self) -> Instance | None:
        """The first eligible instance that is not the active; None without one."""
        active_id = self.view.proxy.active_instance_id
        return next((i for i in self.eligible if i.instance_id != active_id), None)

    def hold(
        self,
        reason: Reason,
        facts: Facts = NO_FACTS,
        *,
        detected_at: datetime | None = None,
        recheck_at: datetime | None = None,
    ) -> Decision:
        """The decision to change nothing."""
        return Decision(
            kind=DecisionKind.HOLD,
            reason=reason,
            source_instance_id=self.view.proxy.active_instance_id,
            target_instance_id=None,
            facts=facts,
            candidates=self.candidates,
            detected_at=detected_at,
            recheck_at=recheck_at,
        )

    def move(
        self,
        kind: DecisionKind,
        reason: Reason,
        target: Instance,
        facts: Facts = NO_FACTS,
        *,
        detected_at: datetime | None = None,
    ) -> Decision:
        """The decision to make `target` the active."""
        return Decision(
            kind=kind,
            reason=reason,
            source_instance_id=self.view.proxy.active_instance_id,
            target_instance_id=target.instance_id,
            facts=facts,
            candidates=self.candidates,
            detected_at=detected_at,
        )


def survey(view: View, now: datetime) -> Survey:
    """Judge every instance of `view` at `now`."""
    damped = _damped(view, now)
    vetoes = {
        i.instance_id: _in_order(*standing_vetoes(view, i), *damped.get(i.instance_id, ()))
        for i in view.instances
    }
    eligible = in_order(view, [i for i in view.instances if not vetoes[i.instance_id]])
    vetoed = sorted((i for i in view.instances if vetoes[i.instance_id]), key=lambda i: i.preference)
    return Survey(
        view=view,
        now=now,
        eligible=eligible,
        candidates=(
            *(_evidence(view, i, score, ()) for score, i in enumerate(eligible)),
            *(_evidence(view, i, None, vetoes[i.instance_id]) for i in vetoed),
        ),
    )


def standing_vetoes(view: View, instance: Instance) -> tuple[Veto, ...]:
    """Why the instance may not become active, damping aside: for itself, or because other observers see it down."""
    vetoes = lasting_vetoes(instance, view.proxy.policy)
    if Veto.UNHEALTHY in vetoes or not is_down_elsewhere(view, instance):
        return vetoes
    return _in_order(*vetoes, Veto.DOWN_ELSEWHERE)


def _damped(view: View, now: datetime) -> Mapping[UUID, tuple[Veto, ...]]:
    policy = view.proxy.policy
    dampings = ((i.instance_id, damping_of(i, view.moves, policy, now)) for i in view.instances)
    damped = {instance_id: damping.vetoes for instance_id, damping in dampings if damping.vetoes}
    able = {i.instance_id for i in view.instances if not standing_vetoes(view, i)}
    # Damping chooses between survivors. Where every one is damped it would choose an outage.
    if able - damped.keys():
        return damped
    return {instance_id: vetoes for instance_id, vetoes in damped.items() if instance_id not in able}


def _in_order(*vetoes: Veto) -> tuple[Veto, ...]:
    return tuple(sorted(vetoes, key=_VETO_ORDER.index))


def _evidence(
    view: View, instance: Instance, score: int | None, vetoes: tuple[Veto, ...]
) -> CandidateEvidence:
    return CandidateEvidence(
        instance_id=instance.instance_id,
        name=instance.name,
        score=score,
        vetoes=vetoes,
        health=instance.health.state,
        consecutive_failures=instance.health.consecutive_failures,
        consecutive_passes=instance.health.consecutive_passes,
        admin_state=instance.admin_state,
        priority=instance.priority,
        weight=instance.weight,
        connections=view.connections.get(instance.instance_id, 0),
        vantages=view.vantages.get(instance.instance_id, ()),
    )
