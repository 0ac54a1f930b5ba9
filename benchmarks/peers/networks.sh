#!/usr/bin/env bash
# Times inference of standard networks with pruned weights in the peers and in ntt in one run. See README.md; every
# option goes to network_compare.py. DeepSparse, whose last wheel wants Python 3.11 or older, has an environment of its
# own and is left out where it cannot be installed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
# shellcheck source=environment.sh
source "$here/environment.sh"
install "$here/requirements-torch.txt"
install "$here/requirements-onnxruntime.txt"
install "$here/requirements-networks.txt"
main=$python
(
  environment=.cache/peers-deepsparse
  python=$environment/bin/python
  [ -x "$python" ] || python3 -m venv "$environment"
  install "$here/requirements-deepsparse.txt"
) || true
exec "$main" "$here/network_compare.py" "$@"
