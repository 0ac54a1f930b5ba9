#!/usr/bin/env bash
# Installs the Debian packages that NTT needs and that are not there yet; prints nothing when there is nothing to do.
# usage: scripts/install_dependencies.sh [program] [python] [test] [test-optional] [bench] [format] [lint] [docs]
#        (default: program)
set -euo pipefail

# ocl-icd-opencl-dev: Debian's oneDNN package asks for OpenCL when CMake looks it up.
# gnuplot-nox draws the figures of ntt report, graphviz the graphs of ntt inspect.
program_packages=(build-essential cmake ninja-build ccache lld pkg-config libdnnl-dev ocl-icd-opencl-dev libcli11-dev
  nlohmann-json3-dev libspdlog-dev libfmt-dev libtomlplusplus-dev libhwy-dev libmatio-dev zlib1g-dev libcurl4-openssl-dev
  libarchive-dev libssl-dev libsqlite3-dev libonnx-dev libprotobuf-dev gnuplot-nox graphviz)

# python3-venv: tests read event files with TensorBoard, and exports with their consumers, from PyPI; python3-dev, for
# the Python package's module.
# python3-torch: one of those consumers; it stands on the libtorch of Debian.
test_packages=(libgtest-dev libgmock-dev python3-venv python3-dev)

# A libtorch that CMAKE_PREFIX_PATH names takes the place of Debian's.
own_libtorch() {
  local prefix config prefixes
  IFS=':;' read -ra prefixes <<<"${CMAKE_PREFIX_PATH:-}"
  for prefix in "${prefixes[@]}"; do
    for config in "$prefix"/TorchConfig.cmake "$prefix"/{share,lib}/cmake/Torch/TorchConfig.cmake; do
      if [[ -f $config ]]; then return 0; fi
    done
  done
  return 1
}

missing() {
  local installed name
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
  for name in "$@"; do
    grep -qxF "installed $name" <<<"$installed" || echo "$name"
  done
}

fail() {
  echo "install_dependencies: $1" >&2
  exit 1
}

wanted=()
for group in "${@:-program}"; do
  case $group in
    program)
      wanted+=("${program_packages[@]}")
      own_libtorch || wanted+=(libtorch-dev)
      ;;
    test)
      wanted+=("${test_packages[@]}")
      own_libtorch || wanted+=(python3-torch python3-numpy)
      ;;
    python) wanted+=(python3-dev python3-venv) ;; # what pip install . needs beside program
    test-optional) # a test opens the pages of ntt report in chromium; libonnx-testdata has ONNX's own tests of its operators
      wanted+=(chromium python3 libonnx-testdata)
      ;;
    bench) wanted+=(libbenchmark-dev python3-venv) ;;
    format) wanted+=(clang-format) ;;
    lint) wanted+=(clang-tidy libomp-dev) ;;
    docs) # libjs-katex, which the pages bring along, sets their formulas
      wanted+=(doxygen libjs-katex python3-venv)
      ;;
    *) fail "'$group' is not a group of packages; use program, python, test, test-optional, bench, format, lint or docs." ;;
  esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "install_dependencies: no apt-get here, so going on with what is installed (docs/dependencies.md lists it all)." >&2
  exit 0
fi

mapfile -t needed < <(missing "${wanted[@]}")
if ((${#needed[@]} == 0)); then exit 0; fi

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null ||
    fail "not root and no sudo: have an administrator run 'apt-get install --no-install-recommends ${needed[*]}'."
  as_root=(sudo)
fi

log=$(mktemp -t ntt-install.XXXXXX)
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >>"$log" 2>&1; }

echo "Installing with apt-get: ${needed[*]}" >&2
apt update || true # a stale or partly unreachable index may still be enough; the install says so if not
if ! apt install --yes --no-install-recommends "${needed[@]}"; then
  mapfile -t left < <(
    for name in "${needed[@]}"; do
      apt-cache policy "$name" 2>/dev/null | grep -q 'Candidate: [^(]' || echo "$name"
    done
  )
  if ((${#left[@]} == 0)); then mapfile -t left < <(missing "${needed[@]}"); fi
  fail "apt-get could not install ${left[*]} (its output is in $log)."
fi
rm -f "$log"
