#!/usr/bin/env bash
# Builds every benchmark program and runs them one after another; a JSON file each goes to runs/bench.
# usage: scripts/bench.sh [preset] [jobs] [options of Google Benchmark, such as --benchmark_filter=step]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
jobs=${2:-$(nproc)}

cmake --preset "$preset" -DNTT_BUILD_BENCHMARKS=ON
cmake --build --preset "$preset" --parallel "$jobs" --target benchmarks

mkdir -p runs/bench
for source in benchmarks/*_bench.cpp; do
  name=bench_$(basename "$source" _bench.cpp)
  "build/$preset/bin/$name" --benchmark_out="runs/bench/$name.json" --benchmark_out_format=json "${@:3}"
done
