"""What the API takes as bodies, as types: the OpenAPI description is made from them.

The readers of the bodies are stricter and say why: a test holds both to the same fields.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from api.maintenance_requests import LEAST_INTENSITY, MOST_SEGMENTS
from api.openapi.schemas import Also
from protocol.maintenance import PARALLELISMS

Names = Annotated[list[str], Also(minItems=1)]
Rate = Annotated[float | None, Also(minimum=0.01, maximum=1_000_000)]
NodeName = Annotated[str | int, Also(description="* alone for all nodes, or names or numbers of nodes")]


class Maintenance(TypedDict):
    """On which nodes, and of which keyspaces and tables; all of them where they are left out."""

    nodes: Annotated[list[NodeName], Also(minItems=1)]
    key_spaces: NotRequired[Names | None]
    column_families: NotRequired[Names | None]


class Repair(Maintenance):
    """The same, and how to repair."""

    incremental: NotRequired[bool]
    parallelism: NotRequired[Annotated[str, Also(enum=list(PARALLELISMS))]]
    segments_per_node: NotRequired[Annotated[int, Also(minimum=0, maximum=MOST_SEGMENTS)]]
    intensity: NotRequired[Annotated[float, Also(minimum=LEAST_INTENSITY, maximum=1)]]


class Place(TypedDict):
    """Where backups are, and with which credentials; without keys the nodes' own are used."""

    external_location: Annotated[str, Also(pattern="^(s3|https?)://")]
    s3_access_key: NotRequired[str | None]
    s3_secret_key: NotRequired[str | None]
    s3_session_token: NotRequired[str | None]
    s3_region: NotRequired[str | None]
    s3_endpoint: NotRequired[str | None]
    uses_emc: NotRequired[bool | None]


class Backup(Place):
    """A backup to make or to check."""

    backup_name: str
    bandwidth_mb_per_second: NotRequired[Rate]


class Restore(Backup):
    """A backup to restore, into a new cluster or into the one that there is."""

    restore_type: NotRequired[Literal["existing", "new"] | None]
    key_spaces: NotRequired[Names | None]
    column_families: NotRequired[Names | None]


class Deletion(Place):
    """Backups to delete: one by its name (``force``: also where it is damaged), or all but the newest few and
    those that are younger than so many days.
    """

    backup_name: NotRequired[str | None]
    force: NotRequired[bool | None]
    keep_last: NotRequired[Annotated[int | None, Also(minimum=1, maximum=1_000_000)]]
    keep_days: NotRequired[Annotated[float | None, Also(exclusiveMinimum=0, maximum=100_000)]]


class Bandwidth(TypedDict):
    """A new limit; none where it is left out."""

    bandwidth_mb_per_second: NotRequired[Rate]
