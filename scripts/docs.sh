#!/usr/bin/env bash
# Builds the site of docs/ in build/docs/html; a broken link is an error. Sphinx is kept in .cache/docs.
# usage: scripts/docs.sh
set -euo pipefail
cd "$(dirname "$0")/.."

environment=.cache/docs
if ! cmp -s docs/requirements.txt "$environment/installed.txt"; then
  python3 -m venv --clear "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement docs/requirements.txt
  cp docs/requirements.txt "$environment/installed.txt"
fi

rm -rf build/docs/html
mkdir -p build/docs
python3 scripts/docs/stage.py build/docs/source
{
  cat docs/Doxyfile
  echo "INPUT = $(grep -oP '#include "\Kntt/\w+/\w+\.h' ntt/ntt.h | tr '\n' ' ')"
} | doxygen -
"$environment/bin/sphinx-build" -q -W --keep-going -c docs -d build/docs/cache build/docs/source build/docs/html
echo "The site is at build/docs/html/index.html."
