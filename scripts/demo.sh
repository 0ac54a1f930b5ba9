#!/usr/bin/env bash
# Runs the demonstration of a finished build.
# usage: scripts/demo.sh [build folder]
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${1:-build/release}/bin/ntt" demo --out runs/demo
