# Sourced by run.sh and sparse.sh: the peers' virtual environment. Sets $python, or returns 1 where there can be none.
environment=.cache/peers
python=$environment/bin/python

if ! "$python" -m pip --version >/dev/null 2>&1 && ! python3 -m venv "$environment" >&2; then
  echo "no virtual environment can be made in $environment (Debian: apt-get install python3-venv): no peer can run" >&2
  return 1
fi

# install LIST: a stamp holds the list that was installed, so a changed list installs again and an interrupted one
# starts over.
install() {
  local stamp output
  stamp=$environment/$(basename "$1")
  if ! cmp --silent "$1" "$stamp"; then
    echo "installing $(basename "$1") into $environment" >&2
    if output=$("$python" -m pip install --quiet --disable-pip-version-check --requirement "$1" 2>&1); then
      cp "$1" "$stamp"
    else
      echo "$(basename "$1") cannot be installed here, going on without it: ${output##*$'\n'}" >&2
    fi
  fi
}
