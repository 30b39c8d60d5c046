// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
)

// The ports that addresses are taken from lie below those that systems give to outgoing connections: one of these could
// be taken again before the program that is to listen there has started.
const (
	lowestPort = 15_000
	ports      = 15_000
)

var nextPort = func() *atomic.Uint32 {
	var n atomic.Uint32
	n.Store(rand.Uint32N(ports)) // tests of other packages look for ports at the same time
	return &n
}()

// FreeAddress is a host:port on which nobody listens. It gives each only once.
func FreeAddress() (string, error) {
	for range ports {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", lowestPort+nextPort.Add(1)%ports))
		if err == nil {
			return listener.Addr().String(), listener.Close()
		}
	}
	return "", errors.New("no port is free on this machine")
}
