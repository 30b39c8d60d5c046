// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"net"

	"go.opentelemetry.io/collector/client"
)

// accepts reports whether something is accepted from the sender of the request.
func (t Trust) accepts(ctx context.Context) bool {
	switch t {
	case Accept:
		return true
	case Drop:
		return false
	}
	sender := client.FromContext(ctx)
	return sender.Auth != nil || t == Local && local(sender.Addr)
}

// local reports whether the address is of this machine. Receivers that read files, a queue or an API have no clients.
func local(address net.Addr) bool {
	switch a := address.(type) {
	case nil:
		return true
	case *net.IPAddr:
		return a.IP.IsLoopback()
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case *net.UDPAddr:
		return a.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	default:
		return false
	}
}
