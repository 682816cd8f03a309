# make_ready ROOT run|dev: returns at once when ROOT/.venv is what uv.lock asks for, and otherwise has it made.
# Sourced by bin/tidegate and bin/test. Only what must happen before a suitable Python is known belongs here; the steps
# themselves are in Python, beside this file.
# shellcheck shell=sh

make_ready() {
  stamp_python=''
  ready_key=$(ready_key "$1")
  if ready_already "$1" "$2"; then return 0; fi
  if [ -n "${TIDEGATE_PYTHON:-}" ]; then
    ready_python=$(ready_given_python) || exit 1
  elif [ -z "${TIDEGATE_PYTHON+set}" ] && [ -n "$stamp_python" ] && ready_suits "$stamp_python"; then
    ready_python=$(command -v "$stamp_python")
  else
    ready_python=$(ready_find_python) || ready_python=$(ready_install_python) || exit 1
  fi
  # -I and -B: neither PYTHONPATH nor the user's own packages take part, and nothing is written into bin/.
  "$ready_python" -IB "$1/bin/setup" --root "$1" --key "$ready_key" --for "$2" || exit $?
}

# Everything that .venv depends on, the CPU too: llama.cpp is built for it, and a disk may be moved to another machine.
# cksum, because it is everywhere and takes a millisecond: this finds changes, not forgers.
ready_key() {
  { printf '%s\n' "$1"; grep -m1 -E '^(flags|Features)' /proc/cpuinfo 2>/dev/null || true; } |
    cat - "$1/uv.lock" "$1/pyproject.toml" "$1"/bin/setup/*.* | cksum
}

# The stamp's lines: the key, run or dev, the Python that was asked for, the flags of the native build. The last two are
# remembered: a variable that is set once, and not on the next call, must not bring back the default and its long build.
ready_already() {
  [ -x "$1/.venv/bin/python" ] && [ -r "$1/.venv/.tidegate-setup" ] || return 1
  { IFS= read -r stamp_key && IFS= read -r stamp_for && IFS= read -r stamp_python && IFS= read -r stamp_flags; } \
    <"$1/.venv/.tidegate-setup" || return 1
  [ "$stamp_key" = "$ready_key" ] || return 1
  [ "$2" = run ] || [ "$stamp_for" = dev ] || return 1
  [ "${TIDEGATE_PYTHON-$stamp_python}" = "$stamp_python" ] || return 1
  [ "${TIDEGATE_LLAMA_CMAKE_ARGS-$stamp_flags}" = "$stamp_flags" ]
}

ready_given_python() {
  if ready_suits "$TIDEGATE_PYTHON"; then command -v "$TIDEGATE_PYTHON"; return; fi
  echo "tidegate: TIDEGATE_PYTHON is '$TIDEGATE_PYTHON', which is not a working Python 3.11, 3.12 or 3.13." >&2
  return 1
}

ready_find_python() {
  for name in python3.13 python3.12 python3.11 python3; do
    if ready_suits "$name"; then command -v "$name"; return; fi
  done
  return 1
}

# A name on PATH proves little: a version manager leaves names there whose Python is not installed.
ready_suits() {
  "$1" -Ic 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

ready_install_python() {
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "tidegate: no Python 3.11, 3.12 or 3.13 here; installing one with apt-get (about a minute)" >&2
    apt-get update -q >/dev/null 2>&1 || true
    for version in 3.13 3.12 3.11; do
      if DEBIAN_FRONTEND=noninteractive apt-get install -y -q "python$version" "python$version-venv" >/dev/null 2>&1; then
        command -v "python$version"
        return
      fi
    done
  fi
  found=$(python3 -c 'import sys; print("python3 is %d.%d" % sys.version_info[:2])' 2>/dev/null) || found="there is no python3"
  cat >&2 <<EOF
tidegate: needs Python 3.11, 3.12 or 3.13, and $found.
  Debian 12 or newer, Ubuntu 24.04 or newer:  sudo apt-get install python3 python3-venv
  Fedora:                                     sudo dnf install python3.13
  macOS:                                      brew install python@3.13
  A Python that is not on PATH:               TIDEGATE_PYTHON=/path/to/python3.13 bin/tidegate
EOF
  return 1
}
