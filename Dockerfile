# The scheduler, and the executor that it serves to the agents, from one image.
#
#   docker build --tag cassandra-mesos:0.1.0 .
#   docker run --read-only --tmpfs /tmp --network host --env-file scheduler.env cassandra-mesos:0.1.0
#
# Every Python library is pinned by checksum in release/requirements.lock, the base image by its date; BASE may
# be any Debian 12. Nothing is written but below /tmp. Settings are environment variables; --check-config and
# the other options of cassandra-scheduler may follow the image's name.
ARG BASE=debian:bookworm-20250811-slim

FROM ${BASE} AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 python3-pip ca-certificates
COPY . /source
WORKDIR /source
RUN python3 -m release.tarball --stage /opt/cassandra-mesos \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/cassandra-mesos/lib

FROM ${BASE}
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 ca-certificates \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/cassandra-mesos /opt/cassandra-mesos
# nobody: a user that Mesos agents have too, for the executors run as the user of the scheduler.
USER 65534:65534
WORKDIR /tmp
VOLUME ["/tmp"]
EXPOSE 9000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
  CMD ["/opt/cassandra-mesos/bin/cassandra-scheduler-health"]
ENTRYPOINT ["/opt/cassandra-mesos/bin/cassandra-scheduler"]
