#!/usr/bin/env bash
# healthy.sh HOST PORT: whether the broker answers. It is asked for the versions it speaks, which it tells anybody:
# twenty bytes and no password instead of a JVM every few seconds.
set -euo pipefail
exec 3<>"/dev/tcp/$1/$2"
# Length 16, request 18 (ApiVersions) in version 0, number 1, and a client id of six letters.
printf '\0\0\0\020\0\022\0\0\0\0\0\1\0\6health' >&3
# The answer: its length, the number of the request, and 0 for no error.
answer=$(timeout 5 head -c 10 <&3 | od -An -v -tx1 | tr -d ' \n')
[ "${answer:8:12}" = 000000010000 ]
