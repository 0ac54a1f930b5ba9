#!/usr/bin/env bash
# Opens the event files of ntt transfer and ntt train in TensorBoard itself, from PyPI.
# usage: tests/cli/tensorboard_test.sh PROGRAM; exits with 77 where TensorBoard cannot be installed.
set -euo pipefail
program=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
environment=$here/../../.cache/tensorboard
python=$environment/bin/python

if ! "$python" -c 'import tensorboard' 2>/dev/null; then
  # TensorBoard still imports pkg_resources, which later setuptools do not have.
  if ! { python3 -m venv "$environment" &&
         "$python" -m pip install --quiet --disable-pip-version-check 'tensorboard==2.20.*' 'setuptools<81'; }; then
    echo "TensorBoard cannot be installed here: nothing was tested." >&2
    exit 77
  fi
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
common=(--data glyphs --model lenet-300-100 --threads 1 --tensorboard)
"$program" transfer "${common[@]}" --steps 40 --evaluate-interval 20 --out "$folder/ntt" >/dev/null
"$program" train "${common[@]}" --method dense --steps 40 --evaluate-interval 20 --out "$folder/dense" >/dev/null
"$python" "$here/tensorboard_test.py" "$folder"
