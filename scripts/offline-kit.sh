#!/bin/sh
# Writes offline-kit/: all that set-up fetches, for machines of this processor and Python.
set -eu

cd "$(dirname "$0")/.."
. scripts/lib.sh

out=offline-kit
new=build/$out
python=.venv/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

rm -rf "$new"
mkdir -p "$new/wheels"
for kind in run dev; do
    say "Fetching the wheels of requirements/$kind.lock …"
    $python -m pip download -qq --require-hashes --only-binary :all: --no-deps \
        -r "requirements/$kind.lock" -d "$new/wheels" ||
        die "Not every wheel could be fetched (see above): the kit is not written."
done

if [ -d build/assets ]; then
    tar -czf "$new/assets.tar.gz" -C build assets
fi
kit_identity "$python" >"$new/IDENTITY"
cat >"$new/README.md" <<END
# alertd's offline kit

All that \`make run\` and \`make test\` fetch, for $($python -c 'import sys, sysconfig
print(sysconfig.get_platform() + ",", "Python %d.%d" % sys.version_info[:2])').

On the machine without network, in a checkout of the same version:

    ALERTD_OFFLINE_KIT=/path/to/offline-kit make run

A kit that lies in the checkout as ./offline-kit is found by itself. Nothing else is fetched.
Wheels are checked against the hashes in requirements/*.lock; the rest of the kit with
\`sha256sum -c SHA256SUMS\`. System packages (mosquitto, libfaketime, chromium, for tests) are not in the kit.
END
(cd "$new" && find . -type f ! -name SHA256SUMS | LC_ALL=C sort | xargs sha256sum >SHA256SUMS)

rm -rf "$out"
mv "$new" "$out"
say "Wrote $out/ ($(du -sh "$out" | cut -f1)): copy it, then ALERTD_OFFLINE_KIT=/path make run"
