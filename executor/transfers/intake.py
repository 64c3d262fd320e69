"""The last phase of a restore into a cluster that stays: Cassandra takes in what was brought, table by table.

Where a node's rows are still its own it imports their files. Else its loader, the one of ``sstableloader``,
reads them and sends each row to where it belongs now. Both work within Cassandra, with its memory.
"""

from __future__ import annotations

import shutil
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from executor.backup import catalog
from executor.failure import NotAnswering
from executor.jolokia import Answer, Request, execute
from executor.management import STORAGE
from executor.transfers import schema
from executor.transfers.errand import Errand, Unfit
from executor.transfers.saving import Outcome

IMPORT = "importNewSSTables(java.util.Set,boolean,boolean,boolean,boolean,boolean,boolean,boolean)"
TABLE_SECONDS = 86400.0
"""A table of terabytes takes hours."""

LOOK_SECONDS = 0.2


def take_in(errand: Errand) -> Outcome:
    """Have Cassandra take in what was brought, a table at a time.

    Raises NotAnswering, Unfit, Stopped, S3Failed, Damaged.
    """
    if not errand.staging.is_dir():
        raise Unfit("what was brought is gone, so this node has lost its volume since then: begin anew")
    folders, take = (_to_load(errand), _load) if errand.task.loaded else (_to_import(errand), _import)
    errand.control.expect(len(folders), 0)
    for folder in folders:
        errand.control.check()
        errand.control.doing(f"taking in {_table(folder)}")
        take(errand, folder)
        errand.control.add(1, 0)
    return {"tables": len(folders)}


def _to_import(errand: Errand) -> list[Path]:
    return sorted(path for path in errand.staging.glob("*/*") if path.is_dir())


def _to_load(errand: Errand) -> list[Path]:
    """Folders of all nodes whose rows this one sends; views' rows follow from those of their tables."""
    client = errand.client()
    views = schema.views(catalog.schema(client, catalog.manifest(client, errand.task.name)))
    found = sorted(path for path in errand.staging.glob("*/*/*") if path.is_dir())
    return [folder for folder in found if _table(folder) not in views]


def _table(folder: Path) -> str:
    return f"{folder.parent.name}.{folder.name.rpartition('-')[0]}"


def _import(errand: Errand, folder: Path) -> None:
    """Cassandra builds indexes itself, and makes views' rows those of the views' own files."""
    for index in folder.glob(".*/"):
        shutil.rmtree(index)
    keyspace, _, table = _table(folder).partition(".")
    bean = f"org.apache.cassandra.db:type=Tables,keyspace={keyspace},table={table}"
    # Level and repaired state begin anew; all is verified, each token too; moved, it takes no more room.
    flags = (True, True, True, True, True, True, False)
    refused = _done(errand, folder, execute(bean, IMPORT, [str(folder)], *flags))
    if refused:
        raise Unfit(
            f"Cassandra has refused files of {_table(folder)}, which it logs the reason of: {refused}"
        )


def _load(errand: Errand, folder: Path) -> None:
    _done(errand, folder, execute(STORAGE, "bulkLoad", str(folder)))


def _done(errand: Errand, folder: Path, request: Request) -> Any:
    """What Cassandra answers once it has done this. Raises NotAnswering, and Stopped while it works on."""
    answer = _answer(errand, request)
    if "value" not in answer:
        raise NotAnswering(f"{_table(folder)} was not taken in: {answer.get('error', 'no reason given')}")
    return answer["value"]


def _answer(errand: Errand, request: Request) -> Answer:
    found: list[Answer | NotAnswering] = []

    def ask() -> None:
        try:
            with closing(errand.jolokia()) as jolokia:
                found.extend(jolokia.ask([request], TABLE_SECONDS))
        except NotAnswering as error:
            found.append(error)

    # On a thread that is left alone where the restore is stopped: Cassandra does not stop in a table.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    while thread.is_alive():
        errand.control.check()
        thread.join(LOOK_SECONDS)
    (answer,) = found
    if isinstance(answer, NotAnswering):
        raise answer
    return answer
