#!/usr/bin/env bash
# Times sparse networks in the peers and in ntt in one run. See README.md; every option goes to sparse_compare.py.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
# shellcheck source=environment.sh
source "$here/environment.sh"
install "$here/requirements-torch.txt"
install "$here/requirements-onnxruntime.txt"
exec "$python" "$here/sparse_compare.py" "$@"
