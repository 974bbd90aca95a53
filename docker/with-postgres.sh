#!/bin/sh
# with-postgres.sh COMMAND...: runs it so that it finds the password of Postgres. The address names none; the driver
# looks it up in a file of its own, which must be readable by its owner only, unlike a mounted secret. In the environment
# the password would be passed on to every run and its children.
set -eu
export PGPASSFILE="${PGPASSFILE:-/tmp/pgpass}"
umask 077
printf '*:*:*:dagster:%s\n' "$(cat "${POSTGRES_PASSWORD_FILE:-/run/secrets/postgres-password}")" >"$PGPASSFILE.$$"
mv "$PGPASSFILE.$$" "$PGPASSFILE"
exec "$@"
