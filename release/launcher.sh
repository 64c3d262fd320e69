#!/bin/sh
# Runs the scheduler of this folder. Its libraries are of Python @VERSION@, so that is what it needs.
here=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd) || exit 2
for python in python@VERSION@ python3; do
  if "$python" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "@VERSION@")' 2>/dev/null; then
    exec "$python" -I -S "$here/lib" "$@"
  fi
done
echo "cassandra-scheduler needs Python @VERSION@, and neither python@VERSION@ nor python3 on the path is it" >&2
exit 2
