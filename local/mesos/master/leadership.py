"""Whether this master may answer: only the leader does, and only after it has read the registry."""

from __future__ import annotations

from local.mesos.http import Handler, Refusal, Request, Response, Stream
from local.mesos.master.model import Json


class Leadership:
    """Who leads, as far as this master knows."""

    def __init__(self, own_id: str) -> None:
        self._own_id = own_id
        self.leader: Json | None = None
        """MasterInfo of the leading master."""
        self.recovered = False
        """Whether this master, being the leader, has read the registry."""

    @property
    def leads(self) -> bool:
        """Whether this master is the leader."""
        return self.leader is not None and self.leader["id"] == self._own_id

    def required(self, handler: Handler) -> Handler:
        """The handler, or a redirect to the leader, or 503."""

        def handle(request: Request) -> Response | Stream:
            if not self.leads:
                return self._redirect(request.path, request.query_string)
            if not self.recovered:
                raise Refusal(503, "Master has not finished recovery")
            return handler(request)

        return handle

    def redirect(self, request: Request) -> Response:
        """``/redirect``: always to the leader, be it this one."""
        return self._redirect("", "")

    def _redirect(self, path: str, query: str) -> Response:
        if self.leader is None:
            raise Refusal(503, "No leader elected")
        target = f"//{self.leader['hostname']}:{self.leader['port']}{path}"
        return Response(307, headers={"Location": f"{target}?{query}" if query else target})
