// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package journal

import (
	"errors"
	"os"
)

var errLocked = errors.New("locked")

func lockFolder(string) (*os.File, error) {
	return nil, errors.New("a journal needs a Unix system; leave journal out")
}
