#!/bin/sh
# Installs into build/peers what tests/peers needs from npm; returns at once when that is so already.
#
# Prism checks requests and answers against an OpenAPI document (exact versions and hashes stand in
# scripts/peers/package-lock.json); the document is Twilio's own, one file of a package of theirs.
# smpp is a carrier's gateway. No package's install script is run.
set -eu

cd "$(dirname "$0")/.."
. scripts/lib.sh

folder=build/peers
openapi=twilio_api_v2010.json
package=@twilio/cli-core@9.0.0
integrity=FPHm5gXAUwM2oATmQi3AGYPFz4Urg5G5/vDkpUu5WqNuwueQaS93HwXjdX1OM+miuq0LMimdfbXDTLEp4Nsjfg==

wanted=$(cat scripts/peers/package-lock.json scripts/peers-npm.sh | sha256sum)
if [ "$(cat "$folder/.ready" 2>/dev/null)" = "$wanted" ]; then exit 0; fi

command -v npm >/dev/null ||
    die "npm is missing. Install it with: apt-get install npm, then run this again."

say "Installing the peers from npm into $folder (a minute or two the first time) …"
mkdir -p "$folder"
cp scripts/peers/package.json scripts/peers/package-lock.json "$folder/"
npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error ||
    die "npm could not install scripts/peers/package-lock.json (see above)."

npm pack --silent --pack-destination "$folder" "$package" >/dev/null ||
    die "npm could not fetch $package."
got=$(openssl dgst -sha512 -binary "$folder/twilio-cli-core-9.0.0.tgz" | openssl base64 -A)
[ "$got" = "$integrity" ] || die "$package isn't the file that it was: its hash is another."
tar -xzf "$folder/twilio-cli-core-9.0.0.tgz" -O "package/src/services/twilio-api/$openapi" \
    >"$folder/$openapi"
rm "$folder/twilio-cli-core-9.0.0.tgz"
printf '%s' "$wanted" >"$folder/.ready"
