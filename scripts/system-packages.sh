#!/bin/sh
# Installs system packages where we are root on Debian or Ubuntu; nothing is started.
#
#   scripts/system-packages.sh mosquitto…
#
# Returns 0 when all are there in the end, 1 otherwise; it never waits for an answer. Where we
# aren't root, or nothing can be fetched, the tests that need a package skip and say so.
set -eu

cd "$(dirname "$0")/.."
. scripts/lib.sh

is_installed() {
    dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'
}

missing=
for package in "$@"; do
    if ! command -v "$package" >/dev/null && [ ! -x "/usr/sbin/$package" ] &&
        ! is_installed "$package"; then
        missing="$missing $package"
    fi
done
if [ -z "$missing" ]; then exit 0; fi

cannot() {
    say "Not installed:$missing ($1). Install by hand: apt-get install$missing"
    exit 1
}

if ! command -v apt-get >/dev/null; then cannot "there is no apt-get here"; fi
if [ "$(id -u)" != 0 ]; then cannot "only root may"; fi

# A daemon that comes with a package must not start: tests start their own on free ports. Debian
# asks policy-rc.d first; one that is already there is the machine's own word and stays.
policy=/usr/sbin/policy-rc.d
made_policy=
restore() {
    if [ -n "$made_policy" ]; then rm -f "$policy"; fi
}
trap restore EXIT
trap 'exit 130' INT TERM
if [ ! -e "$policy" ]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt() {
    timeout 300 apt-get -q -y -o DPkg::Lock::Timeout=60 -o Acquire::Retries=1 \
        -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 "$@" \
        </dev/null >>build/apt.log 2>&1
}
mkdir -p build
say "Installing$missing with apt-get …"
# shellcheck disable=SC2086
if ! apt install --no-install-recommends $missing; then
    # No package lists yet, or they are too old for what the archive holds now.
    apt update || true
    apt install --no-install-recommends $missing || cannot "apt-get failed: see build/apt.log"
fi

# Nor may a daemon that we brought come up by itself at the next boot.
for package in $missing; do
    if command -v systemctl >/dev/null && [ -f "/lib/systemd/system/$package.service" ]; then
        systemctl --quiet disable "$package.service" >>build/apt.log 2>&1 || true
    fi
done
