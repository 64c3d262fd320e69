"""Cassandra's command line: which Java, and its options."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from executor.failure import TaskFailed
from executor.layout import Layout
from protocol.task import Heap, ServerTask

COLLECTORS = {
    "G1": ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=300", "-XX:+ParallelRefProcEnabled"),
    "SERIAL": ("-XX:+UseSerialGC",),
    "PARALLEL": ("-XX:+UseParallelGC",),
    "ZGC": ("-XX:+UseZGC",),
    "SHENANDOAH": ("-XX:+UseShenandoahGC",),
}
TAKE_NEW_SIZE = frozenset({"SERIAL", "PARALLEL"})
"""Collectors with a young generation of fixed size; the others size it themselves."""

EXPORTS = (
    "java.base/jdk.internal.misc",
    "java.base/java.lang.ref",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.unsupported/sun.misc",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.attach/sun.tools.attach",
)
OPENS = (
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.lang.reflect",
    "java.base/java.lang",
    "java.base/java.util",
    "java.base/java.nio",
    "jdk.management/com.sun.management.internal",
    "jdk.compiler/com.sun.tools.javac",
)
"""What Cassandra's conf/jvm17-server.options opens of Java's modules."""


def java(jre: Path | None, java_home: str) -> str:
    """The Java program: the fetched one, that of ``java_home``, or the one on the path. Raises TaskFailed."""
    if jre is not None:
        found = next(jre.glob("bin/java"), None) or next(jre.glob("*/bin/java"), None)
        if found is None:
            raise TaskFailed("the Java runtime of JRE_URI has no bin/java")
        return str(found)
    home = java_home or os.environ.get("JAVA_HOME", "")
    if home:
        program = Path(home) / "bin" / "java"
        if not program.exists():
            raise TaskFailed(f"there is no {program} on this agent: set JAVA_HOME or JRE_URI")
        return str(program)
    on_path = shutil.which("java")
    if on_path is None:
        raise TaskFailed("there is no java on this agent's path: set JAVA_HOME or JRE_URI")
    return on_path


def jolokia_jar(distribution: Path) -> Path:
    """The management agent that ships in the distribution. Raises TaskFailed."""
    found = sorted((distribution / "lib").glob("jolokia-agent-jvm*.jar"))
    if not found:
        raise TaskFailed("Cassandra's lib/ has no Jolokia agent: set JOLOKIA_URI and JOLOKIA_SHA512")
    return found[-1]


def command(
    program: str, task: ServerTask, layout: Layout, distribution: Path, jolokia: Path, address: str
) -> list[str]:
    """The whole command line. It holds no secret: passwords lie in files of mode 0600."""
    libraries = distribution / "lib"
    jamm = [f"-javaagent:{jar}" for jar in sorted(libraries.glob("jamm-*.jar"))[-1:]]
    return [
        program,
        *jamm,
        f"-javaagent:{jolokia}=config={layout.etc / 'jolokia.properties'}",
        *_heap(task.heap),
        "-ea",
        "-Xss512k",
        "-XX:+PerfDisableSharedMem",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djdk.attach.allowAttachSelf=true",
        *(f"--add-exports={name}=ALL-UNNAMED" for name in EXPORTS),
        *(f"--add-opens={name}=ALL-UNNAMED" for name in OPENS),
        *_management(task, layout, address),
        f"-Dcassandra.config=file://{layout.etc / 'cassandra.yaml'}",
        f"-Dcassandra.storagedir={layout.cassandra}",
        f"-Dcassandra.logdir={layout.log}",
        f"-Dlogback.configurationFile={layout.etc / 'logback.xml'}",
        *_replacement(task, layout),
        *shlex.split(task.jvm_extra_opts),
        "-cp",
        f"{layout.etc}:{libraries}/*",
        "org.apache.cassandra.service.CassandraDaemon",
    ]


def _heap(heap: Heap) -> list[str]:
    new = [f"-Xmn{heap.new_mb}M"] if heap.gc in TAKE_NEW_SIZE else []
    return [f"-Xms{heap.size_mb}M", f"-Xmx{heap.size_mb}M", *new, *COLLECTORS[heap.gc]]


def _management(task: ServerTask, layout: Layout, address: str) -> list[str]:
    """JMX for nodetool, on one address only: Cassandra's own property would bind all of them."""
    prefix = "-Dcom.sun.management.jmxremote"
    return [
        f"{prefix}.port={task.ports.jmx}",
        f"{prefix}.rmi.port={task.ports.jmx}",
        f"{prefix}.host={address}",
        f"{prefix}.ssl=false",
        f"{prefix}.authenticate=true",
        f"{prefix}.password.file={layout.etc / 'jmxremote.password'}",
        f"{prefix}.access.file={layout.etc / 'jmxremote.access'}",
        f"-Djava.rmi.server.hostname={address}",
    ]


def _replacement(task: ServerTask, layout: Layout) -> list[str]:
    if task.replace_address is None or layout.has_data:
        return []
    return [f"-Dcassandra.replace_address_first_boot={task.replace_address}"]
