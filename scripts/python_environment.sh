#!/usr/bin/env bash
# Makes the Python environment in which the package is built and tested: the system's Python and python3-torch, and from
# PyPI what tests/python/requirements.txt names. Prints the path of its Python.
# usage: scripts/python_environment.sh
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
environment=$root/.cache/python
requirements=$root/tests/python/requirements.txt

if ! cmp -s "$requirements" "$environment/requirements.txt"; then
  /usr/bin/python3 -m venv --clear --system-site-packages "$environment"
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
  cp "$requirements" "$environment/requirements.txt"
fi
echo "$environment/bin/python"
