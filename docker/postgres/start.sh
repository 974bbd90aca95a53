#!/usr/bin/env bash
# The image's own start would leave the password in the server's environment. So the data folder is made first, unless it
# is there, and the server then starts without any password at hand.
set -euo pipefail
docker-ensure-initdb.sh postgres
unset POSTGRES_PASSWORD_FILE
exec docker-entrypoint.sh postgres "$@"
