#!/usr/bin/env bash
# Installs the package as users do, in new environments, and runs its tests there: against the system's torch, against
# PyPI's, and from the source archive. Prints the rows of the table in docs/python.md. Builds the library once for each,
# and PyPI's torch takes gigabytes: not part of the tests.
# usage: scripts/check_python.sh [system] [pypi] [sdist]      (default: all; CHECK_PYTHON_TORCH=FOLDER takes the torch of
#        an environment that is there instead of downloading one)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d -t ntt-python.XXXXXX)
trap 'rm -rf "$work"' EXIT
program=${NTT_PROGRAM:-$root/build/release/bin/ntt}

environment() { # NAME ARGUMENTS...: a new environment; sets python
  /usr/bin/python3 -m venv "${@:2}" "$work/$1"
  python=$work/$1/bin/python
  "$python" -m pip install --quiet --disable-pip-version-check --upgrade pip
}

report() { # WHAT: tests the installed package, from a folder without the source
  local versions result
  versions=$("$python" -c 'import sys, numpy, torch, neural_tangent_transfer as ntt
print(f"{sys.version.split()[0]} | {torch.__version__} | {numpy.__version__} | {ntt.__version__}")')
  result=$(cd "$work" && PYTHONDONTWRITEBYTECODE=1 NTT_PROGRAM=$program OMP_NUM_THREADS=1 \
    "$python" -m pytest -q -p no:cacheprovider "$root/tests/python" 2>&1 | tail -1) || true
  echo "| $1 | $versions | $(sed -E 's/=//g; s/, [0-9]+ warnings?//; s/ in .*//' <<<"$result") |"
}

install() { # WHAT SOURCE: installs in the environment and reports
  "$python" -m pip install --quiet --disable-pip-version-check "$2" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
  report "$1"
}

for what in "${@:-system pypi sdist}"; do
  for part in $what; do
    case $part in
      system)
        environment system --system-site-packages
        "$python" -m pip install --quiet 'numpy<2' pytest
        install "pip install ., system's torch" "$root"
        ;;
      pypi)
        environment pypi
        if [[ -n ${CHECK_PYTHON_TORCH:-} ]]; then
          echo "$CHECK_PYTHON_TORCH" >"$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torch.pth"
        else
          "$python" -m pip install --quiet torch onnx
        fi
        "$python" -m pip install --quiet pytest
        install "pip install ., PyPI's torch" "$root"
        ;;
      sdist)
        environment sdist --system-site-packages
        "$python" -m pip install --quiet 'numpy<2' pytest build
        "$python" -m build --quiet --sdist --outdir "$work/dist" "$root"
        install "source archive, system's torch" "$(echo "$work"/dist/*.tar.gz)"
        ;;
      *)
        echo "check_python: '$part' is none of system, pypi, sdist." >&2
        exit 2
        ;;
    esac
  done
done
