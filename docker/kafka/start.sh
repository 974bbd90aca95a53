#!/usr/bin/env bash
# Formats the storage of a new broker, then becomes the broker.
set -euo pipefail
bin=${KAFKA_BIN:-/opt/kafka/bin}
config=${KAFKA_CONFIG:-/etc/ecom/server.properties}
data=$(sed -n 's/^log\.dirs=//p' "$config")

# Formatting writes this file last, so that a broker whose formatting was broken off is formatted again.
if [ ! -f "$data/meta.properties" ]; then
	cluster=-
	# The tool would read an id that begins so as an option.
	while [ "${cluster:0:1}" = - ]; do cluster=$("$bin/kafka-storage.sh" random-uuid); done
	"$bin/kafka-storage.sh" format --standalone --cluster-id "$cluster" --config "$config"
fi
exec "$bin/kafka-server-start.sh" "$config"
