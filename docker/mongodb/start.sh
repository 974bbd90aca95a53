#!/usr/bin/env bash
# Runs mongod with authorization through the image's own start, which makes the admin in an empty data folder before
# anybody else can connect. Arguments are passed on to mongod.
set -euo pipefail
secrets=${SECRETS:-/run/secrets}
own=${OWN_FOLDER:-/run/mongodb}
umask 077
# mongod refuses a key that others may read, and a mounted secret has the mode of the operator's file.
cp "$secrets/mongodb-keyfile" "$own/keyfile"
sed -n 's/^username=//p' "$secrets/mongodb-admin.properties" >"$own/username"
sed -n 's/^password=//p' "$secrets/mongodb-admin.properties" >"$own/password"
export MONGO_INITDB_ROOT_USERNAME_FILE="$own/username" MONGO_INITDB_ROOT_PASSWORD_FILE="$own/password"

# Without zlib: it gave away memory to clients that have not logged in (CVE-2025-14847).
exec "${ENTRYPOINT:-docker-entrypoint.sh}" mongod --bind_ip_all --replSet ecom --keyFile "$own/keyfile" --noscripting \
	--networkMessageCompressors snappy,zstd \
	--setParameter enableLocalhostAuthBypass=false \
	--setParameter transactionLifetimeLimitSeconds=15 "$@"
