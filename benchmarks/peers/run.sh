#!/usr/bin/env bash
# Times the peers' Neural Tangent Transfer step and ours in one run. See README.md; every option goes to compare.py.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
environment=.cache/peers
python=$environment/bin/python

if ! "$python" -m pip --version >/dev/null 2>&1 && ! python3 -m venv "$environment" >&2; then
  echo "no virtual environment can be made in $environment (Debian: apt-get install python3-venv): no peer can run" >&2
  exec python3 "$here/compare.py" "$@"
fi

# A stamp holds the list that was installed, so a changed list installs again and an interrupted one starts over.
for list in "$here"/requirements-*.txt; do
  stamp=$environment/$(basename "$list")
  if ! cmp --silent "$list" "$stamp"; then
    echo "installing $(basename "$list") into $environment" >&2
    if output=$("$python" -m pip install --quiet --disable-pip-version-check --requirement "$list" 2>&1); then
      cp "$list" "$stamp"
    else
      echo "$(basename "$list") cannot be installed here, going on without it: ${output##*$'\n'}" >&2
    fi
  fi
done

exec "$python" "$here/compare.py" "$@"
