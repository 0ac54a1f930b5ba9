#!/usr/bin/env bash
# Builds the Python package in the folder of a preset, for the system's Python and its torch; tests/python runs it there.
# usage: scripts/build_python.sh PRESET JOBS
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(scripts/python_environment.sh)
if ! grep -q 'NTT_BUILD_PYTHON:BOOL=ON' "build/$1/CMakeCache.txt" 2>/dev/null; then
  cmake --preset "$1" -D NTT_BUILD_PYTHON=ON -D Python_EXECUTABLE="$python"
fi
cmake --build --preset "$1" --parallel "$2"
