#!/bin/sh
# Makes .venv and puts what alertd needs into it; returns at once when that is already so.
#
#   scripts/setup.sh run     what running alertd needs (requirements/run.lock)
#   scripts/setup.sh dev     what checking and testing needs as well (requirements/dev.lock)
#   scripts/setup.sh bench   .venv-bench, for the peers that `make bench` measures against
#
# PYTHON names the interpreter to use. ALERTD_OFFLINE_KIT names a folder that `make offline-kit`
# wrote; ./offline-kit is found by itself. PIP_* variables and pip's configuration are honoured.
set -eu

cd "$(dirname "$0")/.."
. scripts/lib.sh

kind=${1:?"say which: run, dev or bench"}
case $kind in
    run | dev) venv=.venv ;;
    bench) venv=.venv-bench ;;
    *) die "There is no set-up called '$kind': use run, dev or bench." ;;
esac
lock=requirements/$kind.lock

# What is installed is a function of these; two checkouts never share an environment, because its
# scripts hold its path.
fingerprint() {
    { cat "requirements/$1.lock" pyproject.toml scripts/setup.sh; echo "$PWD"; } | sha256sum
}

is_ready() {
    [ -x "$venv/bin/python" ] && "$venv/bin/python" -c '' 2>/dev/null &&
        [ "$(cat "$venv/.alertd-$1" 2>/dev/null)" = "$(fingerprint "$1")" ]
}

# Everything of run.lock is in dev.lock with the same versions, so a dev environment also runs.
if is_ready "$kind" || { [ "$kind" = run ] && is_ready dev; }; then
    exit 0
fi

# Two makes at once (make run beside make test) must not install over each other.
mkdir -p build
exec 9>"build/setup.lock"
if command -v flock >/dev/null; then
    flock 9
    if is_ready "$kind"; then exit 0; fi
fi

make_venv() {
    py=$1
    if "$venv/bin/python" -c "$needs_python" 2>/dev/null; then return; fi
    rm -rf "$venv"
    say "Making $venv with $("$py" --version) …"
    if "$py" -m venv "$venv" >build/venv.log 2>&1; then return; fi
    # Debian and Ubuntu leave ensurepip out of python3; the interpreter's own pip can do instead.
    rm -rf "$venv"
    "$py" -m venv --without-pip "$venv" >>build/venv.log 2>&1 || {
        rm -rf "$venv"
        no_venv
    }
}

no_venv() {
    die "A virtual environment can't be made here: python3 lacks venv or pip." \
        "Install them with: apt-get install python3-venv (or python3-pip), then run this again."
}

# Sets $pip to words that run pip for the environment, wherever a pip is to be found.
find_pip() {
    py=$1
    if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        pip="$venv/bin/python -m pip"
        return 0
    fi
    for wheel in "$kit"/wheels/pip-*.whl; do
        if [ -n "$kit" ] && [ -f "$wheel" ]; then
            pip="$venv/bin/python $wheel/pip"
            return 0
        fi
    done
    if "$py" -m pip --python "$venv/bin/python" --version >/dev/null 2>&1; then
        pip="$py -m pip --python $venv/bin/python"
        return 0
    fi
    return 1
}

python=$(find_python)
kit=
# The peers of the bench are in no kit: a machine without network has no use for the ratios.
if [ "$kind" != bench ]; then find_kit "$python"; fi
make_venv "$python"
if ! find_pip "$python"; then
    rm -rf "$venv"
    if ! scripts/system-packages.sh python3-venv; then no_venv; fi
    make_venv "$python"
    find_pip "$python" || { rm -rf "$venv"; no_venv; }
fi

# What stands there from now on is no longer what either of these says; a set-up that is broken off
# midway, or one for another version, must not be taken for it.
rm -f "$venv"/.alertd-*
source_args=
if [ -n "$kit" ]; then
    say "Installing $lock from the offline kit $kit …"
    source_args="--no-index --find-links $kit/wheels"
else
    say "Installing $lock (a minute or two the first time) …"
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1

# $pip and $source_args are words on purpose; a kit's path with a space is refused in find_kit.
# shellcheck disable=SC2086
$pip install -qq $source_args --require-hashes --only-binary :all: -r "$lock" || {
    if [ -n "$kit" ]; then
        die "The offline kit $kit doesn't hold all of $lock (see above)." \
            "Write it again with: make offline-kit, from this same version of alertd."
    fi
    die "pip could not install $lock (see above)." \
        "Without network, use a kit that 'make offline-kit' wrote: ALERTD_OFFLINE_KIT=/path make …"
}
if [ "$kind" != bench ]; then
    # shellcheck disable=SC2086
    $pip install -qq --no-build-isolation --no-deps --no-index -e . ||
        die "alertd itself could not be installed into $venv (see above)."
    unpack_assets
fi
fingerprint "$kind" >"$venv/.alertd-$kind"
