"""Cassandra's command line."""

from __future__ import annotations

import shlex

from executor.distribution import Programs
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

GENERAL = (
    "-ea",
    "-da:net.openhft...",
    "-Xss512k",
    "-XX:+PerfDisableSharedMem",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.net.preferIPv4Stack=true",
    "-Djdk.attach.allowAttachSelf=true",
    # Jolokia's answers are told at once: its server would wait for an acknowledgement halfway through.
    "-Dsun.net.httpserver.nodelay=true",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dio.netty.allocator.useCacheForAllThreads=true",
    "-Dio.netty.allocator.maxOrder=11",
)
"""From Cassandra's conf/jvm-server.options, without what makes a start slow or ties up memory early."""


def command(programs: Programs, task: ServerTask, layout: Layout, address: str) -> list[str]:
    """The whole command line, with management ports at ``address``. Raises TaskFailed.

    It holds no secret: passwords lie in files of mode 0600. The operator's options come last, so they win.
    """
    libraries = programs.cassandra / "lib"
    jamm = [f"-javaagent:{jar}" for jar in sorted(libraries.glob("jamm-*.jar"))[-1:]]
    return [
        programs.java,
        *jamm,
        f"-javaagent:{programs.jolokia}=config={layout.etc / 'jolokia.properties'}",
        *_heap(task.heap),
        *GENERAL,
        *(f"--add-exports={name}=ALL-UNNAMED" for name in EXPORTS),
        *(f"--add-opens={name}=ALL-UNNAMED" for name in OPENS),
        *_management(task, layout, address),
        *_places(layout),
        *_replacement(task),
        *_extra(task.jvm_extra_opts),
        "-cp",
        f"{layout.etc}:{libraries}/*",
        "org.apache.cassandra.service.CassandraDaemon",
    ]


def _heap(heap: Heap) -> list[str]:
    if heap.gc not in COLLECTORS:
        raise TaskFailed(f"{heap.gc!r} is no garbage collector that is known here: {', '.join(COLLECTORS)}")
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
        # Java would write hashes over the passwords, which nodetool reads from the same file.
        f"{prefix}.password.toHashes=false",
        f"-Djava.rmi.server.hostname={address}",
    ]


def _places(layout: Layout) -> list[str]:
    return [
        # A URI, because a volume's path has a space in it where the role has a slash.
        f"-Dcassandra.config={(layout.etc / 'cassandra.yaml').as_uri()}",
        f"-Dcassandra.storagedir={layout.cassandra}",
        f"-Dcassandra.logdir={layout.log}",
        f"-Dlogback.configurationFile={layout.etc / 'logback.xml'}",
        f"-Djava.io.tmpdir={layout.temporary}",
        f"-XX:ErrorFile={layout.log}/hs_err_pid%p.log",
    ]


def _replacement(task: ServerTask) -> list[str]:
    """Only on a first boot, which Cassandra sees for itself: one that broke off counts as none."""
    return [f"-Dcassandra.replace_address_first_boot={task.replace_address}"] if task.replace_address else []


def _extra(options: str) -> list[str]:
    try:
        return shlex.split(options)
    except ValueError as error:
        raise TaskFailed(f"CASSANDRA_JVM_EXTRA_OPTS cannot be read: {error}") from None
