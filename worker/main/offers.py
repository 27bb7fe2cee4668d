"""Offers: each is judged once, answered once, and remembered for whoever asks."""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from livekit.agents import JobRequest

from contract.metadata import Probe
from contract.records.worker_status import MOST_OFFERS, AnsweredOffer
from contract.refusals import Refusal
from worker.configuration import Configuration
from worker.guard import rules
from worker.guard.offer import Offer, read
from worker.guard.rules import GuardPolicy, Take, Verdict
from worker.main.active_calls import ActiveCalls
from worker.main.preflight_gate import PreflightGate
from worker.metrics import WorkerMetrics

logger = logging.getLogger(__name__)


class Offers:
    """Answers what the server offers, as the guard judges."""

    def __init__(
        self,
        configuration: Configuration,
        calls: ActiveCalls,
        metrics: WorkerMetrics,
        is_draining: Callable[[], bool],
        gate: PreflightGate,
    ) -> None:
        self._gate = gate
        self._policy = GuardPolicy.of(configuration)
        self._calls = calls
        self._metrics = metrics
        self._is_draining = is_draining
        self._attributes = {
            "tenant": configuration.identity.tenant,
            "key_fingerprint": configuration.credentials.fingerprint,
        }
        self._last: deque[AnsweredOffer] = deque(maxlen=MOST_OFFERS)
        self.accepted = 0
        self.refused: dict[str, int] = {}

    async def answer(self, request: JobRequest) -> None:
        """Answer one offer; one that would be taken waits for the preflight's final report.

        Between the judgement and its booking nothing else may run.
        """
        offer = read(request.job)
        now, verdict = self._judge(offer)
        if self._gate.is_pending and verdict.is_let_in:
            await self._gate.over()
            now, verdict = self._judge(offer)
        self._note(offer, verdict)
        if verdict.objection is not None:
            await request.reject(terminate=not verdict.objection.refusal.is_given_back)
        elif verdict.take is Take.LEAVE_TO_RIVALS:
            await request.reject(terminate=False)
        else:
            self._calls.take(offer, verdict, now)
            await self._accept(request, offer)

    def refuse_late(self, offer: Offer, refusal: str, detail: str) -> None:
        """Note a refusal that was found in the call's process, before the call began."""
        for place, answered in enumerate(self._last):
            if answered.job_id == offer.job_id:
                self._last[place] = replace(answered, answer=refusal)
        if not isinstance(offer.parsed, Probe):  # which was never counted
            self.accepted -= 1
        self._count_refusal(offer, Refusal(refusal), detail)

    def last(self) -> tuple[AnsweredOffer, ...]:
        """List the last 200 offers with their answers, the oldest first."""
        return tuple(self._last)

    def _judge(self, offer: Offer) -> tuple[float, Verdict]:
        now = time.time()
        return now, rules.judge(
            offer, self._policy, self._calls.occupancy(self._is_draining(), now)
        )

    async def _accept(self, request: JobRequest, offer: Offer) -> None:
        nonce = {"nonce": offer.parsed.nonce} if isinstance(offer.parsed, Probe) else {}
        try:
            await request.accept(attributes=self._attributes | nonce)
        except Exception as error:  # noqa: BLE001 - the edge of the SDK's task: the slot must be freed
            self._calls.release(offer.job_id)
            logger.warning(
                "an accepted dispatch did not become a call: %s",
                type(error).__name__,
                extra={"job": offer.job_id, "room": offer.room},
            )

    def _note(self, offer: Offer, verdict: Verdict) -> None:
        self._last.append(
            AnsweredOffer(
                dispatch_id=offer.dispatch_id,
                job_id=offer.job_id,
                room=offer.room,
                answer=verdict.answer,
                at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            )
        )
        if verdict.objection is not None:
            self._count_refusal(offer, verdict.objection.refusal, verdict.objection.detail)
            return
        self._metrics.offer_answered(verdict.answer)
        if verdict.take is Take.CALL:
            self.accepted += 1

    def _count_refusal(self, offer: Offer, refusal: Refusal, detail: str) -> None:
        self._metrics.offer_answered(refusal.value)
        self.refused[refusal.value] = self.refused.get(refusal.value, 0) + 1
        named = {"job": offer.job_id, "room": offer.room, "dispatch_id": offer.dispatch_id}
        what = "given back" if refusal.is_given_back else "refused"
        logger.info("%s: %s", what, refusal.value, extra=named | {"reason": refusal.value})
        logger.debug("%s: %s", refusal.value, detail, extra=named)
