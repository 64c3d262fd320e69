"""The scheduler's side of Mesos: its subscription at the leading master, events in, intents out.

A pymesos driver with another connection. Pymesos' own tears the framework down, and Cassandra with it,
when a callback raises; it spins on refusals, never misses a silent master, and drops calls unsaid.
"""

from __future__ import annotations

import json
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from scheduler.mesos.calls import Calls, Framework
from scheduler.mesos.convert import Json, operation_json, read_update
from scheduler.mesos.detector import Detector
from scheduler.mesos.offers import read_offers, read_offers_event
from scheduler.model.event import (
    AgentLost,
    Disconnected,
    ExecutorLost,
    FrameworkRefused,
    MesosEvent,
    MessageReceived,
    OfferRescinded,
    OffersReceived,
    Subscribed,
    Updated,
)
from scheduler.model.intent import (
    Accept,
    Decline,
    Intent,
    Kill,
    Reconcile,
    Revive,
    Send,
    ShutdownExecutor,
    Suppress,
    Teardown,
)
from scheduler.model.task import TaskUpdate
from transport.backoff import growing
from transport.http import AnswerLost, Stream, Unreachable, post
from transport.loop import Halt, Loop, Subscription, Timing

__all__ = ["CallFailed", "CallRefused", "Driver", "Framework", "NotConnected"]

log = logging.getLogger(__name__)

PATH = "/api/v1/scheduler"
CALL_SECONDS = 10.0
FIRST_BACKOFF_SECONDS, MOST_BACKOFF_SECONDS = 0.5, 15.0
HEARTBEAT_SECONDS = 15.0
MISSED_HEARTBEATS = 5
"""So many in a row, and the master is taken for gone, as it would take us."""

NOT_THE_LEADER = "not the leader"
"""The reason of the last Disconnected of a driver that may not subscribe; it has stopped for good."""

DEFAULT_TIMING = Timing(growing(FIRST_BACKOFF_SECONDS, MOST_BACKOFF_SECONDS))

TAKEN_OVER = "Framework failed over"
"""What a master says to the one of two subscribers that came first."""

_FINAL_REFUSALS = frozenset({400, 401, 403})
_OTHER_MASTER = frozenset({307, 403, 404, 503})
_STALE_TEXTS = ("stream ID", "Mesos-Stream-Id", "Framework cannot be found")


class NotConnected(Exception):
    """There is no subscription, or no way to the master: nothing was sent."""


class CallFailed(Exception):
    """The call was sent, but no answer came: whether it was received is unknown."""


class CallRefused(Exception):
    """The master refused the call, with an HTTP status and a sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message


@dataclass(frozen=True)
class _Session:
    """The present subscription: a call belongs to it, or is not sent."""

    master: str
    stream_id: str
    stream: Stream


class Driver(Calls):
    """Stays subscribed, tells of events, carries intents out.

    ``on_event`` is called on the driver's own thread, in order of arrival, and must only enqueue.
    ``may_subscribe`` is asked before every single SUBSCRIBE, and again before the first call: another one may
    have taken over in between. Once it says no, the driver has stopped for good, which a Disconnected with
    NOT_THE_LEADER tells. ``FrameworkRefused`` is likewise the last event.
    All other methods may be called from any thread.
    """

    def __init__(
        self,
        framework: Framework,
        detector: Detector,
        on_event: Callable[[MesosEvent], None],
        may_subscribe: Callable[[], bool],
        timing: Timing = DEFAULT_TIMING,
    ) -> None:
        super().__init__(framework)
        self._role = framework.role
        self._authorization = framework.authorization
        self._detector = detector
        self._emit = on_event
        self._may_subscribe = may_subscribe
        self._leader: str | None = None
        self._opened: _Session | None = None
        self._session: _Session | None = None
        self._loop = Loop(self, timing)

    def start(self) -> None:
        """Begin: find the master, subscribe, tell of events."""
        self._loop.start()
        self._detector.start(self._found)

    def stop(self) -> None:
        """End; no event is told afterwards. The framework stays registered and its tasks run on."""
        self._session = None
        self._loop.stop()
        self._detector.stop()
        self._loop.join(CALL_SECONDS)

    def teardown(self) -> None:
        """Remove the framework from Mesos with all its tasks, and stop. Raises as ``perform``.

        Reservations and volumes stay. For uninstalling alone: the id can never be used again.
        """
        self._required_session()
        self._loop.finish()
        try:
            self._teardown()
        finally:
            self.stop()

    def reconnect(self) -> None:
        """Drop the subscription and subscribe again: what is unsure is then told anew."""
        self._drop("a new subscription is wanted")

    def perform(self, intent: Intent) -> None:
        """Carry an intent out: returns when the master has received it, which is not yet done.

        Raises NotConnected, CallFailed or CallRefused. Never repeats a call by itself: an ACCEPT that
        comes twice is answered with TASK_DROPPED for tasks that are starting.
        """
        self._required_session()
        match intent:
            case Accept(offer_ids, operations, refuse_seconds):
                written = [operation_json(o, self.framework_id, self._role) for o in operations]
                self.acceptOffers(_ids(offer_ids), written, {"refuse_seconds": refuse_seconds})
            case Decline(offer_ids, refuse_seconds):
                self.declineOffer(_ids(offer_ids), {"refuse_seconds": refuse_seconds})
            case Suppress():
                self.suppressOffers()
            case Revive():
                self.reviveOffers()
            case Reconcile(tasks):
                self.reconcileTasks([{"task_id": _id(task), "agent_id": _id(agent)} for task, agent in tasks])
            case Kill(task_id, agent_id, grace_seconds):
                self.killTask(_id(task_id), _id(agent_id), grace_seconds)
            case ShutdownExecutor(executor_id, agent_id):
                self.shutdownExecutor(_id(executor_id), _id(agent_id))
            case Send(executor_id, agent_id, data):
                self.sendFrameworkMessage(_id(executor_id), _id(agent_id), b64encode(data).decode())
            case Teardown():
                self.teardown()
            case _:
                assert_never(intent)

    def acknowledge(self, update: TaskUpdate) -> None:
        """Tell Mesos that an update is taken care of; the next one of its task then comes.

        Does nothing for an update that the master made up. Raises as ``perform``.
        """
        if update.uuid is None or update.agent_id is None:
            return
        self._required_session()
        self.acknowledgeStatusUpdate(
            {"task_id": _id(update.task_id), "agent_id": _id(update.agent_id), "uuid": update.uuid}
        )

    def _required_session(self) -> _Session:
        if self._session is None:
            raise NotConnected("there is no subscription at a Mesos master")
        return self._session

    def _send(self, body: Json) -> None:
        """All calls end here. Raises NotConnected, CallFailed or CallRefused."""
        session = self._required_session()
        headers = {"Mesos-Stream-Id": session.stream_id, **self._authorization}
        try:
            answer = post(session.master, PATH, body, headers, CALL_SECONDS)
        except Unreachable as error:
            raise NotConnected(str(error)) from error
        except AnswerLost as error:
            raise CallFailed(str(error)) from error
        if answer.accepted:
            return
        if _is_stale(answer.status, answer.text):
            self._drop(f"a call was refused: {answer.status} {answer.text}", session)
        raise CallRefused(answer.status, answer.text)

    def _drop(self, reason: str, session: _Session | None = None) -> None:
        """End the subscription, unless it is another one than ``session`` by now."""
        if session is not None and session is not self._session:
            return
        self._session = None
        self._loop.reconnect(reason)

    def _found(self, leader: str) -> None:
        """A master leads from now on."""
        before, self._leader = self._leader, leader
        if before is not None:
            self._drop(f"{leader} leads now")
        self._loop.wake()

    # What the loop asks and tells.

    def address(self) -> str | None:
        """See ``Subscriber``."""
        return self._leader

    def subscription(self) -> Subscription:
        """See ``Subscriber``."""
        self._require_leadership()
        body = {"type": "SUBSCRIBE", "subscribe": {"framework_info": self.framework}}
        if self.framework_id is not None:
            body["framework_id"] = {"value": self.framework_id}
        return Subscription(PATH, body, self._authorization)

    def refused(self, status: int, text: str) -> None:
        """See ``Subscriber``. A master that is starting or not leading is asked again."""
        if status in _FINAL_REFUSALS:
            self._refuse(f"the Mesos master refuses the framework: {status} {text}".rstrip())

    def opened(self, address: str, stream: Stream) -> None:
        """See ``Subscriber``."""
        self._opened = _Session(address, stream.stream_id or "", stream)

    def received(self, event: bytes) -> None:
        """See ``Subscriber``."""
        text = event.decode()
        offers = read_offers_event(text)
        if offers is None:
            self.on_event(json.loads(text))
        else:
            self._emit(OffersReceived(offers))

    def closed(self, reason: str) -> None:
        """See ``Subscriber``."""
        was_subscribed, self._opened, self._session = self._opened is None, None, None
        if was_subscribed:
            self._emit(Disconnected(reason))

    def _require_leadership(self) -> None:
        try:
            leads = self._may_subscribe()
        except Exception:
            self._loop.reconnect("whether this scheduler leads cannot be told")
            raise
        if not leads:
            self._session = None
            self._emit(Disconnected(NOT_THE_LEADER))
            raise Halt

    def _refuse(self, message: str) -> None:
        self._session = None
        self._emit(FrameworkRefused(message))
        raise Halt

    # What pymesos' dispatch calls, by the event's type.

    def on_subscribed(self, event: Json) -> None:
        """The master has taken us in, under an id that is kept for every later subscription."""
        session, self._opened = self._opened, None
        if session is None:
            raise ValueError("SUBSCRIBED came twice")
        self._require_leadership()
        self.framework_id = event["framework_id"]["value"]
        heartbeat = event.get("heartbeat_interval_seconds") or HEARTBEAT_SECONDS
        session.stream.expect_life(MISSED_HEARTBEATS * heartbeat)
        self._session = session
        log.info("subscribed at %s as framework %s", session.master, self.framework_id)
        self._emit(Subscribed(self.framework_id, session.master))

    def on_heartbeat(self) -> None:
        """A sign of life, which the stream has counted by reading it."""

    def on_offers(self, event: Json) -> None:
        """Offers."""
        self._emit(OffersReceived(read_offers(event.get("offers", ()))))

    def on_rescind(self, event: Json) -> None:
        """An offer is void."""
        self._emit(OfferRescinded(event["offer_id"]["value"]))

    def on_update(self, event: Json) -> None:
        """A task's status."""
        self._emit(Updated(read_update(event["status"])))

    def on_update_operation_status(self, event: Json) -> None:
        """An operation's status. Not of ours, which have no id; repeated until acknowledged."""
        status = event["status"]
        log.warning("an operation is %s: %s", status["state"], status.get("message", "nothing more is said"))
        if "uuid" in status and "operation_id" in status and "agent_id" in status:
            self.acknowledgeOperationStatusUpdate(status)

    def on_inverse_offers(self, event: Json) -> None:
        """Maintenance is announced: nothing that this framework acts on."""

    def on_rescind_inverse_offer(self, event: Json) -> None:
        """Maintenance is called off."""

    def on_message(self, event: Json) -> None:
        """A message of an executor's."""
        executor, agent = event["executor_id"]["value"], event["agent_id"]["value"]
        self._emit(MessageReceived(executor, agent, b64decode(event["data"])))

    def on_failure(self, event: Json) -> None:
        """An agent, or an executor on it, is gone."""
        agent = event["agent_id"]["value"]
        if "executor_id" in event:
            self._emit(ExecutorLost(event["executor_id"]["value"], agent, event.get("status")))
        else:
            self._emit(AgentLost(agent))

    def on_error(self, event: Json) -> None:
        """The master wants us no more: removed, refused at SUBSCRIBE, or another one has subscribed.

        The other one is the next leader, or was one before that was late: the loop finds out which.
        """
        if event["message"] == TAKEN_OVER:
            self._drop("another scheduler has subscribed as this framework")
        else:
            self._refuse(event["message"])


def _is_stale(status: int, text: str) -> bool:
    """Whether the refusal means that our subscription, or the master we have it at, holds no more."""
    return status in _OTHER_MASTER or (status == 400 and any(part in text for part in _STALE_TEXTS))


def _id(value: str) -> dict[str, str]:
    return {"value": value}


def _ids(values: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"value": value} for value in values]
