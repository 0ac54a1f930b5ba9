#!/usr/bin/env bash
# Exports the networks of models.py with Debian's PyTorch and compares what our importer makes of them with ONNX Runtime.
# usage: tests/onnx/models/models_test.sh EVALUATE_ONNX; exits with 77 where they cannot be installed.
set -euo pipefail
evaluate=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
environment=$here/../../../.cache/onnx
python=$environment/bin/python

# PyTorch is Debian's, of 17 MB, which needs Debian's Python; PyPI's for the CPU would come with 2 GB of CUDA.
if ! /usr/bin/python3 -c 'import torch' 2>/dev/null; then
  echo "Debian's python3-torch is not installed: nothing was tested." >&2
  exit 77
fi
if ! "$python" -c 'import numpy, onnx, onnxruntime, torch' 2>/dev/null; then
  if ! { /usr/bin/python3 -m venv --system-site-packages "$environment" &&
         "$python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"; }; then
    echo "ONNX Runtime cannot be installed here: nothing was tested." >&2
    exit 77
  fi
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" "$here/models_test.py" "$evaluate" "$folder"
