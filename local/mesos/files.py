"""``/files/...``: lets people read sandboxes and logs under virtual paths, and nothing else.

A path is what was attached (``/master/log``, ``/frameworks/<id>/...``) and whatever lies below it on disk.
Links that lead out of what is attached are not followed.
"""

from __future__ import annotations

import base64
import grp
import mmap
import pwd
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local.mesos import http
from local.mesos.http import Handler, Refusal, Request, Response, Router

Json = dict[str, Any]

MAX_READ_BYTES = 16 * mmap.PAGESIZE


class Files:
    """Serves files. ``attached`` tells what there is at the moment: real paths by virtual ones."""

    def __init__(self, attached: Callable[[], Mapping[str, Path]]) -> None:
        self._attached = attached

    def add(self, router: Router, protect: Callable[[Handler], Handler] = lambda handler: handler) -> None:
        """Serve the endpoints, each behind ``protect``."""
        for name, handler in (("browse", self._browse), ("read", self._read), ("download", self._download)):
            router.add(f"/files/{name}", protect(handler))

    def list_files(self, path: str) -> Json:
        """LIST_FILES of the v1 API. Raises Refusal."""
        return {"file_infos": [_file_info(shown, real.stat()) for shown, real in self._entries(path)]}

    def read_file(self, path: str, offset: int, length: int | None = None) -> Json:
        """READ_FILE of the v1 API. Raises Refusal."""
        size, data = _part(self._file(path), offset, length)
        return {"data": base64.b64encode(data).decode(), "size": size}

    def _browse(self, request: Request) -> Response:
        entries = self._entries(_path(request))
        return http.answer(request, [_listing(shown, real.stat()) for shown, real in entries])

    def _read(self, request: Request) -> Response:
        path = _path(request)
        offset, length = _number(request, "offset"), _number(request, "length")
        if offset is None or offset < 0:
            # Without an offset, or with -1, only the size is asked for.
            size, _ = _part(self._file(path), 0, 0)
            return http.answer(request, {"data": "", "offset": size})
        _, data = _part(self._file(path), offset, length)
        return http.answer(request, {"data": data.decode("utf-8", "replace"), "offset": offset})

    def _download(self, request: Request) -> Response:
        real = self._resolve(_path(request))
        if real.is_dir():
            raise Refusal(400, "Cannot download a directory.\n")
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f"attachment; filename={real.name}",
        }
        return Response(200, real.read_bytes(), headers)

    def _entries(self, path: str) -> list[tuple[str, Path]]:
        """Virtual and real paths of what is in a directory, by name."""
        real = self._resolve(path)
        if not real.is_dir():
            raise Refusal(404)
        return [
            (f"{path.rstrip('/')}/{entry.name}", entry) for entry in sorted(real.iterdir()) if entry.exists()
        ]

    def _file(self, path: str) -> Path:
        real = self._resolve(path)
        if real.is_dir():
            raise Refusal(400, "Cannot read a directory.\n")
        return real

    def _resolve(self, path: str) -> Path:
        """The real path. 404 where there is none, 400 where it is out of bounds."""
        attached = self._attached()
        virtual = path.rstrip("/") or "/"
        while virtual not in attached:
            if virtual == "/":
                raise Refusal(404)
            virtual = virtual.rpartition("/")[0] or "/"
        root = attached[virtual].resolve()
        real = (root / path[len(virtual) :].strip("/")).resolve()
        if not real.is_relative_to(root):
            raise Refusal(400, f"'{path}' is inaccessible.\n")
        if not real.exists():
            raise Refusal(404)
        return real


def _path(request: Request) -> str:
    path = request.query.get("path")
    if not path:
        raise Refusal(400, "Expecting 'path=value' in query.\n")
    return path


def _number(request: Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        number = int(text)
    except ValueError as error:
        raise Refusal(400, f"Failed to parse {name}: '{text}' is no number.\n") from error
    if number < -1:
        raise Refusal(400, f"Negative {name} provided: {number}.\n")
    return number


def _part(real: Path, offset: int, length: int | None) -> tuple[int, bytes]:
    """The size of a file and a part of its content, limited to sixteen pages."""
    limit = MAX_READ_BYTES if length is None or length < 0 else min(length, MAX_READ_BYTES)
    with real.open("rb") as file:
        file.seek(offset)
        return real.stat().st_size, file.read(limit)


def _listing(path: str, status: Any) -> Json:
    return {
        "gid": _name(grp.getgrgid, status.st_gid),
        "mode": stat.filemode(status.st_mode),
        "mtime": float(int(status.st_mtime)),
        "nlink": status.st_nlink,
        "path": path,
        "size": status.st_size,
        "uid": _name(pwd.getpwuid, status.st_uid),
    }


def _file_info(path: str, status: Any) -> Json:
    listing = _listing(path, status)
    seconds = int(status.st_mtime)
    return {**listing, "mode": status.st_mode, "mtime": {"nanoseconds": seconds * 10**9}}


def _name(lookup: Callable[[int], Any], number: int) -> str:
    """The name of a user or group; the number where it has none."""
    try:
        return str(lookup(number)[0])
    except KeyError:
        return str(number)
