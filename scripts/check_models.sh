#!/usr/bin/env bash
# Reads standard networks, as both of PyTorch's exporters write them, and compares ntt's outputs with ONNX Runtime's.
# usage: [PYTHON=...] scripts/check_models.sh [options; see --help]
# Unless PYTHON names one that has the packages, a virtual environment is made in .cache/check_models (about 6 GB, since
# PyPI's Linux PyTorch carries its CUDA libraries, which are not used).
set -euo pipefail
cd "$(dirname "$0")/.."
here=scripts/check_models

python=${PYTHON:-}
if [[ -z $python ]]; then
  environment=.cache/check_models
  python=$environment/bin/python
  # The stamp holds the list that was installed: another one installs again, and so does one that was interrupted.
  if ! cmp --silent "$here/requirements.txt" "$environment/requirements.txt"; then
    echo "installing PyTorch and the rest of $here/requirements.txt into $environment" >&2
    python3 -m venv "$environment"
    "$python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$environment/requirements.txt"
  fi
fi
exec "$python" "$here/check.py" "$@"
