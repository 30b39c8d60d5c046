// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

// known are the attributes that have room in a table before others.
var known = map[string]bool{
	"http.route": true, "error.type": true, "http.response.status_code": true, "http.request.method": true,
	semconv.ServiceVersion: true, semconv.ServiceInstanceID: true, semconv.DeploymentID: true,
	"k8s.pod.name": true, "k8s.node.name": true, semconv.ClusterName: true, "k8s.container.name": true, "host.name": true,
	"cloud.availability_zone": true, semconv.CloudRegion: true,
	"peer.service": true, "server.address": true, "rpc.method": true, "messaging.destination.name": true,
	"span.status": true,
}

// Known reports whether it is the name of an attribute that has room in a table before others, such as a route, a version or a pod.
func Known(name string) bool { return known[name] || strings.HasPrefix(name, "feature_flag.") }

// clean cuts a name or value, and replaces what is not printable. It adds nothing to what is short and printable.
func clean(s string) string {
	sound := len(s) <= maxText
	if sound {
		for i := 0; i < len(s); i++ {
			if s[i] < ' ' || s[i] > '~' {
				sound = false
				break
			}
		}
	}
	if sound {
		return s
	}
	const ellipsis = "…"
	var b strings.Builder
	for i, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			r = '?'
		}
		if rest := len(s) - i; b.Len()+utf8.RuneLen(r) > maxText-len(ellipsis) && rest > maxText-b.Len() || b.Len()+utf8.RuneLen(r) > maxText {
			b.WriteString(ellipsis)
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}
