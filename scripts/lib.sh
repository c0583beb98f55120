# Shared by the set-up scripts; sourced from the repository's root, POSIX sh.
# shellcheck shell=sh

say() { printf '%s\n' "$*"; }

# One clear sentence (or two) and a nonzero exit.
die() {
    printf 'alertd: %s\n' "$*" >&2
    exit 1
}

needs_python='import sys; sys.exit(sys.version_info < (3, 11))'

# Prints the interpreter to use: $PYTHON, else python3, else a newer one beside an old python3.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        "$PYTHON" -c "$needs_python" 2>/dev/null ||
            die "alertd needs Python 3.11 or newer, and PYTHON=$PYTHON isn't that."
        printf '%s\n' "$PYTHON"
        return
    fi
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c "$needs_python" 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    found=$(python3 --version 2>/dev/null) || found="no python3"
    die "alertd needs Python 3.11 or newer, and here is $found." \
        "Install python3.12 or python3.11, or name one with PYTHON=/path/to/python3."
}

# What a kit was written from and for: it fits only the same locks, processor and Python.
kit_identity() {
    kit_platform "$1"
    cat requirements/run.lock requirements/dev.lock | sha256sum
}

kit_platform() {
    "$1" -c 'import sys, sysconfig
print(sysconfig.get_platform(), sys.implementation.cache_tag)'
}

# Sets $kit to the offline kit to install from, as an absolute path, or to nothing.
find_kit() {
    kit=
    if [ -n "${ALERTD_OFFLINE_KIT:-}" ]; then
        [ -d "$ALERTD_OFFLINE_KIT/wheels" ] ||
            die "ALERTD_OFFLINE_KIT=$ALERTD_OFFLINE_KIT is not a kit written by 'make offline-kit'."
        kit=$(cd "$ALERTD_OFFLINE_KIT" && pwd)
        grep -qxF "$(kit_platform "$1")" "$kit/IDENTITY" ||
            die "The kit $kit is for $(head -n 1 "$kit/IDENTITY"), and here is" \
                "$(kit_platform "$1"): write one on a machine like this, or set PYTHON."
    elif [ -d offline-kit/wheels ]; then
        if [ "$(cat offline-kit/IDENTITY 2>/dev/null)" = "$(kit_identity "$1")" ]; then
            kit=$PWD/offline-kit
        else
            say "./offline-kit is for other locks, another processor or another Python: not used."
        fi
    fi
    case $kit in
        *[[:space:]]*) die "Put the offline kit at a path without spaces, not '$kit'." ;;
    esac
}

# The console's assets, where the kit brings them and nothing has put them here yet.
unpack_assets() {
    if [ -n "$kit" ] && [ -f "$kit/assets.tar.gz" ] && [ ! -d build/assets ]; then
        tar -xzf "$kit/assets.tar.gz" -C build
    fi
}
