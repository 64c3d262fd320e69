"""The query parameters that calls have."""

from __future__ import annotations

from typing import Annotated, Literal

from api.openapi.described import Parameter
from api.openapi.schemas import Also

CMD = Parameter("cmd", Literal["interrupt", "proceed", "continue"], "What the plan is to do.", required=True)
DRY_RUN = Parameter("dry_run", bool, "Answer what would be, and change nothing.")
FORCE = Parameter("force", bool, "Also where the node is up.")
NODE = Parameter("node", str, "The node's name or number.", required=True)
PHASE = Parameter("phase", str, "The phase's name or id.", required=True)
STEP = Parameter("step", str, "The step's name or id; every step of the phase without it.")
SINCE = Parameter("since", Annotated[int, Also(minimum=0)], "The cursor after which events are wanted.")
WAIT = Parameter(
    "wait", Annotated[int, Also(minimum=0, maximum=30)], "Seconds to wait for an event where there is none."
)
