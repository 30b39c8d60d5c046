// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const mit = `MIT License

Copyright (c) 2026 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to
deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or
sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS
IN THE SOFTWARE.
`

const agpl = `This program is free software: you can redistribute it and/or modify it under the terms of the GNU Affero General Public License as
published by the Free Software Foundation, either version 3 of the License, or (at your option) any later version.

This program is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even the implied warranty of MERCHANTABILITY or
FITNESS FOR A PARTICULAR PURPOSE. See the GNU Affero General Public License for more details.

You should have received a copy of the GNU Affero General Public License along with this program. If not, see <https://www.gnu.org/licenses/>.
`

const busl = `Business Source License 1.1

Licensor: Somebody. Licensed Work: Something. Change Date: four years from now. Change License: MPL 2.0

The Licensor hereby grants you the right to copy, modify, create derivative works, redistribute, and make non-production use of the Licensed Work.
`

func TestClassify(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"MIT":                         {mit, []string{"MIT"}},
		"AGPL":                        {agpl, []string{"AGPL-3.0-or-later"}},
		"Business Source License":     {busl, []string{"BUSL-1.1", unknown}},
		"MIT and AGPL in one file":    {mit + agpl, []string{"AGPL-3.0-or-later", "MIT"}},
		"MIT with much else":          {mit + strings.Repeat("You may use it on Mondays, if you ask Somebody before. ", 20), []string{"MIT", unknown}},
		"no license known":            {"All rights reserved. Ask Somebody.", []string{unknown}},
		"empty":                       {"", []string{unknown}},
		"the managed service is ours": {"You may not provide the software to third parties as a hosted or managed service.", []string{"Elastic-2.0"}},
	} {
		assert.Equal(t, c.want, classify([]byte(c.text)), name)
	}
}

// A package may have another license than the module that it is of.
func TestLicensesOfLinkedFolders(t *testing.T) {
	root := t.TempDir()
	write := func(file, text string) {
		file = filepath.Join(root, file)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	write("LICENSE", mit)
	write("license.go", "package license // no license file")
	write("server/COPYING", agpl)
	write("server/api/api.go", "package api")
	write("client/client.go", "package client")

	of := func(folders ...string) []string {
		m := module{path: "example.com/m", version: "v1.0.0", root: root}
		for _, folder := range folders {
			m.folders = append(m.folders, filepath.Join(root, folder))
		}
		ids, err := m.licenses()
		require.NoError(t, err)
		return ids
	}
	assert.Equal(t, []string{"MIT"}, of("client"))
	assert.Equal(t, []string{"AGPL-3.0-or-later", "MIT"}, of("client", "server/api"))

	require.NoError(t, os.Remove(filepath.Join(root, "LICENSE")))
	assert.Equal(t, []string{unknown}, of("client"), "a module without a license")
}
