#!/usr/bin/env bash
# Installs the program and the library into a temporary folder, builds examples/cpp against the library from another one,
# and runs them.
# usage: tests/install/install_test.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "$1")
root=$(cd "$(dirname "$0")/../.." && pwd)

fail() {
  echo "install_test: $1" >&2
  exit 1
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
prefix=$folder/prefix
cmake --install "$build" --prefix "$prefix" --component library >"$folder/log" || fail "$(cat "$folder/log")"

cmake --install "$build" --prefix "$folder/program" --component program >"$folder/log" || fail "$(cat "$folder/log")"
"$folder/program/bin/ntt" --version >"$folder/log" || fail "the installed program does not start"
for script in bash-completion/completions/ntt zsh/site-functions/_ntt fish/vendor_completions.d/ntt.fish; do
  grep -q transfer "$folder/program/share/$script" || fail "no completion script is installed as share/$script"
done
(source "$folder/program/share/bash-completion/completions/ntt" && [[ $(complete -p ntt) == *_ntt* ]]) ||
  fail "bash does not take its completion script"

# What is installed must not point back here, nor set what is the user's to choose.
! grep -rIlF -e "$root" -e "$build" "$prefix" || fail "the files above name the folders that they were built in"
! grep -rIlE -e '-W(error|all)' -e '-ffp-contract' "$prefix"/lib*/cmake || fail "the package sets compiler options"
library=$(find "$prefix" -name libntt.so)
own=' (ntt::|(vtable|typeinfo|typeinfo name|VTT) for ntt::)| (__bss_start|_edata|_end)$'
stray=$(nm --dynamic --defined-only --demangle "$library" | grep -E ' [TBDR] ' | grep -vE "$own" || true)
[[ -z $stray ]] || fail "the library shows symbols that are not its own: $stray"

cp -r "$root/examples/cpp" "$folder/examples"
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
cmake -S "$folder/examples" -B "$folder/build" -G Ninja "-DCMAKE_PREFIX_PATH=$prefix;${CMAKE_PREFIX_PATH:-}" \
  "${launcher[@]}" >"$folder/log" 2>&1 || fail "$(cat "$folder/log")"
cmake --build "$folder/build" >"$folder/log" 2>&1 || fail "$(cat "$folder/log")"

# expect NAME PATTERN...: the example runs well and prints each of them.
expect() {
  local name=$1
  "$folder/build/$name" "${arguments[@]}" >"$folder/out" 2>&1 || fail "$name failed: $(cat "$folder/out")"
  for pattern in "${@:2}"; do
    grep -qE "$pattern" "$folder/out" || fail "$name does not print '$pattern' but: $(cat "$folder/out")"
  done
}
arguments=("$folder")
expect find_sparse_network '^transfer: step 100 of 100, kernel' '^density 0\.0[45]' '^test accuracy 0\.[5-9]' \
  "^written to $folder/sparse\.safetensors at density 0\.0[45]"
[[ -s $folder/sparse.safetensors ]] || fail "find_sparse_network wrote no network"
arguments=()
expect kernel '^kernel \[64, 16, 10, 10\]$' '^kernel distance [0-9.e+]+, alignment 0\.[0-9]+$'
expect thread_pool 'as on one thread: yes$'
