#!/bin/sh
# Before a deb (remove) or rpm (0) is removed. An upgrade does not stop the service.
set -e

case $1 in
remove | 0) ;;
*) exit 0 ;;
esac
command -v systemctl >/dev/null || exit 0
systemctl --no-reload disable otelcol-sre.service
[ ! -d /run/systemd/system ] || systemctl stop otelcol-sre.service
