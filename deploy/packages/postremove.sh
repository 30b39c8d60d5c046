#!/bin/sh
# After a deb is removed or purged, or an rpm removed. The user stays, because it may own files in other places.
set -e

[ "$1" != purge ] || rm -rf /var/lib/otelcol-sre
[ ! -d /run/systemd/system ] || systemctl daemon-reload
