#!/usr/bin/env bash
# Formats every C++ source with clang-format, or with --check only says which are not formatted.
# usage: scripts/format.sh [--check]
set -euo pipefail
cd "$(dirname "$0")/.."

# Versions differ in what they write, so Debian 12's is the one that counts.
formatter=$(command -v clang-format-14 || command -v clang-format) || {
  echo "format: clang-format is not installed." >&2
  exit 1
}
mode=(-i)
if [[ ${1:-} == --check ]]; then mode=(--dry-run --Werror --ferror-limit=1); fi

folders=()
for folder in ntt cli python tests benchmarks examples cmake; do
  if [[ -d $folder ]]; then folders+=("$folder"); fi
done
find "${folders[@]}" -type f \( -name '*.h' -o -name '*.cpp' \) -print0 |
  xargs -0 --no-run-if-empty --max-args=16 --max-procs="$(nproc)" "$formatter" "${mode[@]}" || {
  echo "format: the files above are not formatted; 'make format' puts them right." >&2
  exit 1
}
