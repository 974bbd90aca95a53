#!/usr/bin/env bash
# Before the first `docker compose up`: builds the image and makes ./secrets. Safe to repeat: what is there stays.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p -m 700 secrets
docker compose --profile tools build
OPERATOR="$(id -u):$(id -g)" docker compose run --rm --no-deps credentials

if [ ! -s secrets/postgres-password ]; then
	head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n' >secrets/postgres-password
fi
# Only whoever runs this can enter the folder. Inside, the files must be readable by the users of the containers that
# they are mounted into, one by one.
chmod 700 secrets
chmod 644 secrets/*
echo "Ready. Next: docker compose up --detach"
