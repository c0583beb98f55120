#!/bin/sh
# Resolves requirements/*.in into *.lock: exact versions with hashes, for every platform, and no
# name of an index, so that a mirror or a wheelhouse serves as well.
#
# Versions that still satisfy the .in files stay as they are; UPGRADE=1 moves all of them on.
set -eu

cd "$(dirname "$0")/.."
. scripts/lib.sh

uv_version=0.13.9
if command -v uv >/dev/null; then
    uv=uv
else
    uv=build/uv/bin/uv
    if ! "$uv" --version >/dev/null 2>&1; then
        python=$(find_python)
        say "Fetching uv $uv_version, which resolves …"
        "$python" -m venv build/uv || die "uv needs python3-venv: apt-get install python3-venv"
        build/uv/bin/python -m pip install -qq --only-binary :all: "uv==$uv_version" ||
            die "uv could not be installed (see above)."
    fi
fi

resolve() {
    in=requirements/$1.in
    out=requirements/$1.lock
    shift
    say "Resolving $in …"
    "$uv" pip compile -q --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-annotate --no-header ${UPGRADE:+--upgrade} "$@" "$in" -o "$out" ||
        die "$in could not be resolved (see above); its lock is unchanged."
}

resolve run
resolve dev -c requirements/run.lock
resolve bench
