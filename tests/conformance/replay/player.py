"""Plays a transcript: makes the recorded calls in their order, takes in what comes, and compares.

One entry follows the other. A recorded event is waited for before the next call is made, so that what is
done depends on what has happened as it did then. Events of one stream come in their recorded order, but for
offers and messages, which take another way through Mesos than updates do.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from tests.conformance.replay.bodies import Body, Stage, play_unrecorded
from tests.conformance.replay.cluster import Cluster
from tests.conformance.replay.holdings import Holdings
from tests.conformance.replay.matching import Difference, Matcher
from tests.conformance.replay.streams import (
    END,
    WAIT_SECONDS,
    Address,
    Answer,
    EventStream,
    Inbox,
    Missing,
    call,
)
from tests.conformance.replay.transcript import kept, key_of, kind_of, places_of, with_late_kills

Json = dict[str, Any]

RETRY_SECONDS = 0.05
NO_OFFERS: Json = {"type": "OFFERS", "offers": {"offers": []}}
LAST_MESSAGE = "bGFzdA=="


class Player:
    """Plays one transcript on a fresh cluster; ``differences`` is what came of it."""

    def __init__(self, transcript: list[Json], cluster: Cluster, folder: Path) -> None:
        self._transcript = with_late_kills(transcript)
        self._cluster = cluster
        suite = folder / "suite"
        suite.mkdir()
        self._stage = Stage(suite)
        self.differences: list[Difference] = []
        self._matcher = Matcher(places_of(transcript, cluster, suite), cluster.begun)
        self._streams: dict[str, EventStream] = {}
        self._holdings: dict[str, Holdings] = defaultdict(lambda: Holdings(self._matcher))
        self._answers: dict[str, deque[Answer | OSError]] = defaultdict(deque)
        self._reads: dict[str, Json] = {}
        self._bodies: list[Body] = []
        self._said: deque[str] = deque()
        self.seen: list[Json] = []
        """The transcript of what happens now."""
        self._noted: set[str] = set()
        self._steps: dict[str, Callable[[Json], Json | None]] = {
            "call": self._call,
            "response": self._response,
            "event": self._event,
            "note": self._note,
            "start": self._start,
            "exit": self._exit,
            "disconnected": self._disconnected,
        }

    def play(self) -> None:
        """Play it all. Raises Missing where something recorded does not happen."""
        if not any(entry["dir"] == "start" for entry in self._transcript):
            Thread(target=play_unrecorded, args=(self._stage,), daemon=True).start()
        try:
            for number, entry in enumerate(self._transcript):
                try:
                    self._note_down(entry, self._steps[entry["dir"]](entry))
                except (Missing, OSError) as error:
                    raise Missing(f"entry {number}, {entry['who']} {entry['dir']}: {error!r}") from error
            self._look_for_leftovers()
        finally:
            self._close()

    def _note_down(self, entry: Json, seen: Json | None) -> None:
        """Keep an entry with what is otherwise now, if there is anything."""
        if seen is not None:
            when = round(time.time() - self._cluster.begun, 3)
            self.seen.append({**entry, "t": when, **self._matcher.places.written(seen)})

    def _close(self) -> None:
        self._stage.close()
        for stream in self._streams.values():
            stream.close()
        for body in [*self._bodies, *self._stage.inbox.rest()]:
            body.close()

    # Calls and their answers.

    def _call(self, entry: Json) -> Json:
        """Make a call; a read, which changes nothing, only when all has happened that its answer tells of."""
        if not entry["path"].startswith("GET "):
            return self._make(entry)
        self._reads[entry["who"]] = entry
        return {"path": self._matcher.outgoing(entry["path"])}

    def _make(self, entry: Json) -> Json:
        who, recorded = entry["who"], entry.get("body")
        method, path = self._matcher.outgoing(entry["path"]).split(" ", 1)
        headers = {name: self._matcher.outgoing(text) for name, text in entry.get("headers", {}).items()}
        body = self._matcher.outgoing(recorded)
        sent = {"headers": headers, **({} if body is None else {"body": body})}
        if who != "operator" and kind_of(recorded) == "SUBSCRIBE":
            self._answers[who].append(self._subscribe(who, path, headers, body))
            return sent
        if who == "executor" and kind_of(recorded) == "MESSAGE":
            body["message"]["data"] = self._said.popleft()
        if kind_of(recorded) in ("ACCEPT", "DECLINE"):
            self._answer_offers(who, recorded, body)
        try:
            self._answers[who].append(call(self._address(entry), method, path, headers, body))
        except OSError as error:
            self._answers[who].append(error)
        return sent

    def _address(self, entry: Json) -> Address:
        if entry["who"] == "executor":
            return self._bodies[-1].agent
        return self._cluster.agent if entry.get("to") == "agent" else self._cluster.master

    def _subscribe(self, who: str, path: str, headers: Json, body: Any) -> Answer:
        """Open an event stream. Executors ask again while their agent is away or recovers, as they must."""
        executor, deadline = who == "executor", time.monotonic() + WAIT_SECONDS
        while True:
            try:
                address = self._bodies[-1].agent if executor else self._cluster.master
                stream = EventStream(address, path, headers, body)
                if not executor or stream.answer.status != 503 or time.monotonic() > deadline:
                    break
                stream.close()
            except ConnectionError:
                if not executor or time.monotonic() > deadline:
                    raise
            time.sleep(RETRY_SECONDS)
        if who in self._streams:
            self._streams[who].close()
        self._streams[who] = stream
        return stream.answer

    def _response(self, entry: Json) -> Json:
        if read := self._reads.pop(entry["who"], None):
            self._make(read)
        answer = self._answers[entry["who"]].popleft()
        place = entry["path"].partition("?")[0] + self._call_type(entry)
        if isinstance(answer, OSError):
            self._compare(place, "", [entry["status"], entry["body"]], [0, repr(answer)])
            return {"body": repr(answer)}
        self._compare(place, "status", entry["status"], answer.status)
        self._compare(place, "headers", kept(entry.get("headers", {})), kept(answer.headers))
        self._compare(place, "body", entry.get("body") or None, answer.body)
        parsedate_to_datetime(answer.headers["Date"])
        if "Content-Length" in answer.headers:
            self._compare(place, "Content-Length", answer.size, int(answer.headers["Content-Length"]))
        seen = {"status": answer.status, "headers": dict(answer.headers)}
        return seen if answer.body is None else {**seen, "body": answer.body}

    def _call_type(self, response: Json) -> str:
        """The type of the call to the operator API that a response answers."""
        if response["who"] != "operator" or not response["path"].startswith("POST /api/v1"):
            return ""
        before = self._transcript[: self._transcript.index(response)]
        return " " + kind_of(next(e.get("body") for e in reversed(before) if e["dir"] == "call"))

    # Events.

    def _event(self, entry: Json) -> Json | None:
        recorded, who = entry["body"], entry["who"]
        inbox = self._streams[who].inbox
        if kind_of(recorded) == "OFFERS":
            # What was offered while a call was under way may have been made before it, or after.
            return self._offers(who, recorded, without=("executor_ids",) if self._answers[who] else ())
        key = key_of(recorded)
        seen, earlier = inbox.take(lambda event: key_of(event) == key, " ".join(key))
        place = f"{who.partition('-')[0]} {kind_of(recorded)}"
        wants = self._holdings[who].wants
        overtaken = [kind_of(event) for event in earlier if kind_of(event) != "MESSAGE" and not wants(event)]
        if overtaken and kind_of(recorded) != "MESSAGE":
            self.differences.append(Difference(place, "(order)", "comes next", f"comes after {overtaken}"))
        if kind_of(recorded) == "RESCIND":
            self._rescind_pieces(who, recorded)
        self._compare(place, "", recorded, seen)
        if who == "executor" and kind_of(seen) == "LAUNCH":
            self._said += self._bodies[-1].run_script(seen["launch"]["task"])
        return {"body": seen}

    # Offers.

    def _offers(self, who: str, recorded: Json, without: Collection[str]) -> Json | None:
        holdings, inbox = self._holdings[who], self._streams[who].inbox
        holdings.add_recorded(recorded)
        self._await_offers(holdings, inbox, lambda: holdings.agree or holdings.exceed)
        if holdings.agree or not holdings.exceed:
            self.differences += holdings.compare(recorded, without)
        new = [offer for name, offer in holdings.seen.items() if name not in self._noted]
        self._noted |= holdings.seen.keys()
        return {"body": {"type": "OFFERS", "offers": {"offers": new}}} if new else None

    def _await_offers(
        self, holdings: Holdings, inbox: Inbox, enough: Callable[[], bool], seconds: float = WAIT_SECONDS
    ) -> None:
        """Take offers in until it is enough, or nothing more comes."""
        deadline = time.monotonic() + seconds
        while not enough():
            try:
                event, _ = inbox.take(holdings.wants, "an offer", deadline - time.monotonic())
            except Missing:
                return
            holdings.take(event)

    def _answer_offers(self, who: str, recorded: Any, body: Any) -> None:
        """Answer the offers that stand for those that were answered."""
        holdings, field = self._holdings[who], recorded["type"].lower()
        self._await_offers(holdings, self._streams[who].inbox, lambda: holdings.agree)
        if not holdings.agree:
            self.differences += holdings.compare(NO_OFFERS)
        answered = holdings.answer(offer["value"] for offer in recorded[field]["offer_ids"])
        if answered:
            body[field]["offer_ids"] = answered

    def _rescind_pieces(self, who: str, recorded: Json) -> None:
        holdings, inbox = self._holdings[who], self._streams[who].inbox
        if not holdings.include:
            self.differences += holdings.compare(NO_OFFERS)
        for _ in range(holdings.rescind(recorded["rescind"]["offer_id"]["value"]) - 1):
            inbox.take(lambda event: kind_of(event) == "RESCIND", "RESCIND of a piece")

    # What is done from outside.

    def _note(self, entry: Json) -> Json:
        cluster = self._cluster
        actions: dict[str, list[Callable[[], None]]] = {
            "agent killed": [cluster.kill_agent],
            "agent started": [cluster.start_agent],
            "agent killed and started": [cluster.kill_agent, cluster.start_agent],
            "agent killed, started with the same work dir but without meta/slaves/latest": [
                cluster.kill_agent,
                cluster.forget_agent,
                cluster.start_agent,
            ],
            "master killed and started": [cluster.restart_master],
            "no answer before the agent is back": [cluster.let_agent_notice],
            "scheduler closes its connection": [lambda: self._streams["scheduler"].close()],
        }
        if "killed" in entry["body"]:
            self._settle()
        for action in actions.get(entry["body"], []):
            action()
        return entry

    def _settle(self) -> None:
        """Wait until the agent has got what is on its way to it, acknowledgements above all."""
        live = [stream for stream in self._streams.values() if END not in stream.inbox.rest()]
        executor, scheduler = self._streams.get("executor"), self._streams.get("scheduler")
        if executor is None or executor not in live or scheduler is None or scheduler not in live:
            return
        stream_id, ids = scheduler.answer.headers["Mesos-Stream-Id"], self._bodies[-1].ids
        headers = {"Content-Type": "application/json", "Mesos-Stream-Id": stream_id}
        message = {**self._bodies[-1].agent_id, "executor_id": ids["executor_id"], "data": LAST_MESSAGE}
        body = {"type": "MESSAGE", "framework_id": ids["framework_id"], "message": message}
        call(self._cluster.master, "POST", "/api/v1/scheduler", headers, body)
        executor.inbox.take(lambda event: kind_of(event) == "MESSAGE", "the last message")

    # Executors.

    def _start(self, entry: Json) -> Json:
        body, _ = self._stage.inbox.take(lambda _: True, "an executor")
        self._bodies.append(body)
        self._compare("executor start", "argv", entry["body"]["argv"], body.hello["argv"])
        return {"body": {"argv": body.hello["argv"], "pid": body.hello["pid"]}}

    def _exit(self, entry: Json) -> Json:
        self._bodies[-1].exit(entry["body"])
        return entry

    def _disconnected(self, entry: Json) -> Json:
        self._streams["executor"].inbox.take(lambda event: event == END, "the end of the executor's stream")
        return entry

    # The end.

    def _look_for_leftovers(self) -> None:
        """Nothing else has happened, but that there may be further offers."""
        for who, stream in self._streams.items():
            for event in stream.inbox.rest():
                if event != END and not self._holdings[who].wants(event):
                    self._compare(f"{who} {kind_of(event)}", "(not recorded)", None, event)
        for who, holdings in self._holdings.items():
            self._await_offers(
                holdings, self._streams[who].inbox, partial(getattr, holdings, "include"), seconds=0.0
            )
            if not holdings.include:
                self.differences += holdings.compare(NO_OFFERS)
        for body in self._bodies:
            if not body.await_end():
                self.differences.append(Difference("executor", "(end)", "ends", "runs on"))

    def _compare(self, place: str, name: str, recorded: Any, seen: Any) -> None:
        self.differences += self._matcher.compare(place, name, recorded, seen)
