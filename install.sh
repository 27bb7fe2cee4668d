#!/usr/bin/env bash
# Puts what the project needs into its own folder: uv, livekit-server, actionlint, the Python packages.
# Safe to repeat.
set -euo pipefail
cd "$(dirname "$0")"
livekit_server=github.com/livekit/livekit-server/cmd/server@v1.11.0
actionlint=github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

say() { printf '==> %s\n' "$*"; }
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }

# The newest first: from 3.12 on a call shares more of its memory. pyenv's commands answer only for the
# versions that it is set to, so its folder is looked into as well.
find_python() {
    local candidate minor
    for minor in 13 12 11; do
        for candidate in "python3.$minor" "${PYENV_ROOT:-$HOME/.pyenv}/versions/3.$minor".*/bin/python3 python3; do
            if "$candidate" -c "import sys; raise SystemExit(sys.version_info[:2] != (3, $minor))" 2>/dev/null; then
                echo "$candidate"
                return
            fi
        done
    done
    fail "Python 3.11 to 3.13 is needed; install one and run this again"
}

install_uv() {
    if command -v uv >/dev/null; then
        ln -sf "$(command -v uv)" .tools/bin/uv
    else
        say "uv, into .tools (it was not on the PATH)"
        "$(find_python)" -m venv .tools/uv
        .tools/uv/bin/pip --quiet --disable-pip-version-check install 'uv>=0.9'
        ln -sf ../uv/bin/uv .tools/bin/uv
    fi
}

# The program's name, its Go package, and the name that Go gives to what it builds.
install_program() {
    local program=$1 package=$2 built=$3
    if command -v "$program" >/dev/null; then
        ln -sf "$(command -v "$program")" ".tools/bin/$program"
    else
        command -v go >/dev/null || fail "neither $program nor Go is on the PATH; install either and run this again"
        say "$program, built with Go (about a minute)"
        GOBIN="$PWD/.tools/go" go install "$package"
        mv ".tools/go/$built" ".tools/bin/$program"
    fi
}

mkdir -p .tools/bin
[ -x .tools/bin/uv ] || install_uv
[ -x .tools/bin/livekit-server ] || install_program livekit-server "$livekit_server" server
[ -x .tools/bin/actionlint ] || install_program actionlint "$actionlint" actionlint
say "Python packages, as locked"
.tools/bin/uv sync --frozen --quiet --all-extras --python "$(find_python)"
