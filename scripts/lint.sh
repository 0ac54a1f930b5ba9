#!/usr/bin/env bash
# Runs clang-tidy on the given C++ sources, or on those that differ from the commit before HEAD.
# usage: scripts/lint.sh [file.cpp ...]
set -euo pipefail
cd "$(dirname "$0")/.."

files=("$@")
if ((${#files[@]} == 0)); then
  base=$(git rev-parse --verify --quiet HEAD~1) || base=$(git hash-object -t tree /dev/null)
  mapfile -t files < <(
    sources=('ntt/*.cpp' 'cli/*.cpp' 'python/*.cpp')
    git diff --name-only --diff-filter=d "$base" -- "${sources[@]}"
    git ls-files --others --exclude-standard -- "${sources[@]}"
  )
fi
if ((${#files[@]} == 0)); then
  echo "lint: no C++ source changed." >&2
  exit 0
fi

python=()
if printf '%s\n' "${files[@]}" | grep -q '^python/'; then
  python=(-D NTT_BUILD_PYTHON=ON -D Python_EXECUTABLE="$(scripts/python_environment.sh)")
fi
cmake --preset lint "${python[@]}" >/dev/null
# The compile commands are GCC's: warnings that clang does not know, or sees in other places, are GCC's affair.
printf '%s\0' "${files[@]}" |
  xargs -0 --max-args=1 --max-procs="$(nproc)" clang-tidy -p build/lint --quiet --warnings-as-errors='*' \
    --extra-arg-before=-include"$PWD/scripts/lint_prelude.h" --extra-arg=-Wno-error --extra-arg=-Wno-unknown-warning-option
