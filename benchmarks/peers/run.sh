#!/usr/bin/env bash
# Times the peers' Neural Tangent Transfer step and ours in one run. See README.md; every option goes to compare.py.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
# shellcheck source=environment.sh
source "$here/environment.sh" || exec python3 "$here/compare.py" "$@"
install "$here/requirements-jax.txt"
install "$here/requirements-torch.txt"
exec "$python" "$here/compare.py" "$@"
