#!/usr/bin/env bash
# start.sh namenode | datanode: HDFS from the locked jars, whose bytes are checked before they run.
set -euo pipefail
config=${HDFS_CONFIG:-$(dirname "$0")}
scratch=${HDFS_SCRATCH:-/tmp/hdfs}
# The servers look for these folders on their class path before they serve their status pages.
mkdir -p "$scratch"/webapps/{hdfs,datanode,static}/WEB-INF
java=(java "${HDFS_HEAP:--Xmx512m}" -XX:+UseSerialGC -Djava.net.preferIPv4Stack=true
	-cp "$config:$scratch:$(python -m ecom_platform.runtime.jars class-path hadoop)")
server=org.apache.hadoop.hdfs.server

case $1 in
namenode)
	folder=$(sed -n 's|.*dfs.namenode.name.dir</name><value>file://\(.*\)</value>.*|\1|p' "$config/hdfs-site.xml")
	# It appears under its name when it is complete. An existing one is never formatted.
	if [ ! -d "$folder" ]; then
		rm -rf "$folder.formatting"
		"${java[@]}" $server.namenode.NameNode -D "dfs.namenode.name.dir=file://$folder.formatting" -format -nonInteractive
		mv "$folder.formatting" "$folder"
	fi
	exec "${java[@]}" $server.namenode.NameNode
	;;
datanode) exec "${java[@]}" $server.datanode.DataNode ;;
*) echo "start.sh namenode | datanode" >&2 && exit 2 ;;
esac
