#!/bin/sh
# After a deb (configure) or rpm (1, 2) is unpacked, for the first time or as an upgrade.
set -e

if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers otelcol-sre.conf
elif ! getent passwd otelcol-sre >/dev/null; then
	useradd --system --user-group --no-create-home --home-dir /var/lib/otelcol-sre --shell /usr/sbin/nologin otelcol-sre
fi
chgrp otelcol-sre /etc/otelcol-sre/tls

command -v systemctl >/dev/null || exit 0
first=no
case $1 in
configure) [ -n "$2" ] || first=yes ;;
1) first=yes ;;
esac
# The distribution decides whether a service is enabled and started on installation: Debian does so, Fedora does not.
[ $first = no ] || systemctl preset otelcol-sre.service
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
if systemctl --quiet is-enabled otelcol-sre.service; then
	if command -v deb-systemd-invoke >/dev/null; then
		deb-systemd-invoke restart otelcol-sre.service
	else
		systemctl restart otelcol-sre.service
	fi
fi
