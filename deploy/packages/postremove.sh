#!/bin/sh
# After a deb is removed or purged, or an rpm removed. The user stays: files elsewhere may be its.
set -e

[ "$1" != purge ] || rm -rf /var/lib/otelcol-sre
[ ! -d /run/systemd/system ] || systemctl daemon-reload
