// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package queuestorage

import (
	"os"
	"path/filepath"
)

// reserveSize is some room on the disk that is given up when it is full: to take something out of a queue is an append, too, and what was
// taken out makes room.
const reserveSize = 1 << 20

func (c *client) reserveFile() string { return filepath.Join(c.folder, "reserve") }

// fillReserve takes the room, if there is any.
func (c *client) fillReserve() {
	if c.reserve {
		return
	}
	if info, err := os.Stat(c.reserveFile()); err == nil && info.Size() == reserveSize {
		c.reserve = true
		return
	}
	c.reserve = os.WriteFile(c.reserveFile(), make([]byte, reserveSize), 0o600) == nil
	if !c.reserve {
		_ = os.Remove(c.reserveFile()) // it took what is left
	}
}

// freeReserve gives the room up, and reports whether there was any.
func (c *client) freeReserve() bool {
	if !c.reserve {
		return false
	}
	c.reserve = false
	return os.Remove(c.reserveFile()) == nil
}
