#!/bin/sh
# Starts one tenant's container: `run` unless told otherwise (check, smoke, …).
set -eu

[ "$#" -gt 0 ] || set -- run
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# In the image the packages stand beside this file; from a checkout, its own environment is used.
python=python
for candidate in "$here/.venv/bin/python" /opt/venv/bin/python; do
    if [ -x "$candidate" ]; then
        python=$candidate
        break
    fi
done
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}"
# exec: signals reach the program itself, and its exit code is the container's.
exec "$python" -m bootstrap "$@"
