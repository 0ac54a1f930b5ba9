#!/usr/bin/env bash
# Opens what ntt export writes in NumPy, SciPy, PyTorch, safetensors and ONNX Runtime and compares their outputs with ours.
# usage: tests/export/consumers/consumers_test.sh PROGRAM WRITE_EXPORTS; exits with 77 where they cannot be installed.
set -euo pipefail
program=$(realpath "$1")
write_exports=$(realpath "$2")
here=$(cd "$(dirname "$0")" && pwd)
environment=$here/../../../.cache/consumers
python=$environment/bin/python

# PyTorch is Debian's, of 17 MB, which needs Debian's Python; PyPI's for the CPU would come with 2 GB of CUDA.
if ! /usr/bin/python3 -c 'import torch' 2>/dev/null; then
  echo "Debian's python3-torch is not installed: nothing was tested." >&2
  exit 77
fi
if ! "$python" -c 'import numpy, onnx, onnxruntime, safetensors, scipy, torch' 2>/dev/null; then
  if ! { /usr/bin/python3 -m venv --system-site-packages "$environment" &&
         "$python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"; }; then
    echo "The consumers cannot be installed here: nothing was tested." >&2
    exit 77
  fi
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$write_exports" "$folder"

# The same through the command, for one of the networks.
export_to() { "$program" export --network "$folder/residual-cnn" --to "$1" --out "$folder/command/$2" "${@:3}" >/dev/null; }
mkdir "$folder/command"
cp "$folder"/residual-cnn/{inputs,outputs}.npy "$folder/command"
export_to safetensors compact.safetensors
export_to safetensors dense.safetensors --form dense
export_to safetensors float16.safetensors --values float16
export_to safetensors bfloat16.safetensors --form dense --values bfloat16
export_to npz network.npz
export_to csr network.csr.npz
export_to onnx dense.onnx
export_to onnx sparse.onnx --sparse-initialisers

"$python" "$here/consumers_test.py" "$folder"
