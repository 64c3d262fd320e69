"""Backups and restores: begun, checked, listed and deleted. Who has no node to ask cannot know a place."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify

from api import answers, bodies
from api.errors import BadRequest
from api.openapi import parameters
from api.openapi.described import described
from api.orders import DRY_RUN, give, is_dry_run
from api.requests import body, query, refuse_strange
from api.transfer_requests import RATE, TransferRequest, own_request, rate, read_request, with_keys_sealed
from protocol.backup import BACKUP, DELETE, NEW, RESTORE, VERIFY, Ask, Checked, Listed
from scheduler.daemon.service import Conflict, NotFound, Service
from scheduler.decide import fitting, operations
from scheduler.decide.decision import Refused
from scheduler.model.event import LimitTransfer, StartTransfer

Answer = tuple[Response, int]


def blueprint(service: Service, clock: Callable[[], float]) -> Blueprint:
    """The calls below /v1/backup, /v1/restore and /v1/backups that begin something."""
    routes = Blueprint("transfers", __name__)

    @routes.put(f"/v1/<any({BACKUP}, {RESTORE}):kind>/start")
    @described(
        {200: answers.Preview, 202: answers.Started},
        parameters.DRY_RUN,
        body={BACKUP: bodies.Backup, RESTORE: bodies.Restore},
        refusals=(404, 409),
    )
    def start(kind: str) -> Answer:
        """Start a backup or a restore."""
        query(DRY_RUN)
        request = read_request(kind, body())
        if not _is_known(service, kind, request):
            _look(service, kind, request)
        _give(service, kind, request)
        return jsonify({"status": "started", "message": ""}), 202

    @routes.put("/v1/backup/verify")
    @described(
        {200: answers.Preview, 202: answers.Started},
        parameters.DRY_RUN,
        body=bodies.Backup,
        refusals=(404, 409),
    )
    def verify() -> Answer:
        """Check a backup, every file of it."""
        query(DRY_RUN)
        request = read_request(VERIFY, body())
        _look(service, VERIFY, request)
        _give(service, VERIFY, request)
        return _begun(f"the check has begun; GET /v1/{VERIFY}/status tells what it finds")

    @routes.put(f"/v1/<any({BACKUP}, {RESTORE}, {VERIFY}):kind>/bandwidth")
    @described(
        {200: answers.Preview, 202: answers.Started},
        parameters.DRY_RUN,
        body=bodies.Bandwidth,
        refusals=(404, 409),
    )
    def bandwidth(kind: str) -> Answer:
        """Limit what an operation that runs takes of the network."""
        query(DRY_RUN)
        fields = body()
        refuse_strange("this call", fields, (RATE,))
        give(service, LimitTransfer(kind, rate(fields, RATE)), kind)
        return jsonify({"status": "changed", "message": ""}), 202

    @routes.put("/v1/backups/list")
    @described({200: answers.Backups}, body=bodies.Place)
    def list_backups() -> Response:
        """List the backups at a place."""
        query()
        return _listed(service, read_request("list", body()))

    @routes.get("/v1/backups")
    @described({200: answers.Backups})
    def list_own_backups() -> Response:
        """List the backups at the service's own place."""
        return _listed(service, own_request(service.settings))

    @routes.put("/v1/backups/delete")
    @described(
        {200: answers.Preview, 202: answers.Started},
        parameters.DRY_RUN,
        body=bodies.Deletion,
        refusals=(404, 409),
    )
    def delete() -> Answer:
        """Delete a backup."""
        query(DRY_RUN)
        return _delete(service, read_request(DELETE, body()))

    @routes.delete("/v1/backups/<name>")
    @described({200: answers.Preview, 202: answers.Started}, parameters.DRY_RUN, refusals=(404, 409))
    def delete_own(name: str) -> Answer:
        """Delete a backup at the service's own place."""
        query(DRY_RUN)
        return _delete(service, own_request(service.settings, name))

    return routes


def _is_known(service: Service, kind: str, request: TransferRequest) -> bool:
    """Whether it runs already, and the order only brings it its credentials."""
    running = operations.active(service.world())
    transfer = running.transfer if running else None
    if running is None or transfer is None or running.kind != kind:
        return False
    return (transfer.name, transfer.place) == (request.transfer.name, request.transfer.place)


def _look(service: Service, kind: str, request: TransferRequest) -> None:
    """See that the place can be used, before anything is done on any node. Raises with what is wrong."""
    try:
        operations.refuse_beside(service.world())
    except Refused as error:
        raise Conflict(str(error)) from None
    transfer = request.transfer
    write = kind == BACKUP and not is_dry_run()
    found = service.place(Ask(transfer.place, request.keys, transfer.name, write))
    if found.problem:
        raise BadRequest(found.problem)
    if kind == BACKUP and found.found:
        raise Conflict(f"there is a backup {transfer.name} at {transfer.place.location}: choose another name")
    if kind != BACKUP and not found.found:
        raise NotFound(f"there is no backup {transfer.name} at {transfer.place.location}")
    if kind == RESTORE:
        _require_fitting(service, transfer.restore_type, found)


def _require_fitting(service: Service, restore_type: str, found: Checked) -> None:
    misfit = fitting.misfit(service.world(), restore_type, found)
    if misfit:
        raise Conflict(misfit)
    users = service.schema().users() if restore_type == NEW else {}
    if users:
        raise Conflict(
            f"a restore into a new cluster needs an empty one, and this one has {', '.join(sorted(users))}: "
            "drop these keyspaces if nobody needs them, or give restore_type existing"
        )


def _give(service: Service, kind: str, request: TransferRequest) -> None:
    transfer = with_keys_sealed(request, service.seal(request.keys))
    give(service, StartTransfer(kind, transfer, request.keys), kind)


def _backups(service: Service, request: TransferRequest) -> Listed:
    """The backups at a place. Raises BadRequest where it cannot be used."""
    found = service.backups(Ask(request.transfer.place, request.keys))
    if found.problem:
        raise BadRequest(found.problem)
    return found


def _listed(service: Service, request: TransferRequest) -> Response:
    found = _backups(service, request)
    rows = [
        {
            "name": row.name,
            "cluster": row.cluster,
            "ended_at": row.created_at,
            "files": row.files,
            "bytes": row.bytes,
            "nodes": row.nodes,
            "damage": row.damage,
        }
        for row in found.rows
    ]
    return jsonify({"external_location": request.transfer.place.location, "backups": rows})


def _delete(service: Service, request: TransferRequest) -> Answer:
    if request.transfer.names:
        _look(service, DELETE, request)
    else:
        _backups(service, request)
    _give(service, DELETE, request)
    return _begun(f"the deletion has begun; GET /v1/{DELETE}/status tells how far it is")


def _begun(text: str) -> Answer:
    return jsonify({"status": "started", "message": text}), 202
