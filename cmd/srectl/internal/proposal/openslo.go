// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package proposal

import (
	"cmp"
	"fmt"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/output"
)

// readOpenSLO reads a file or folder of OpenSLO definitions, by the name of the service.
func readOpenSLO(path string) (map[string]facts, error) {
	c, problems := catalog.Load(path)
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("--openslo: %w", err)
	}
	all := map[string]facts{}
	for _, s := range c.Services {
		f := facts{owner: cmp.Or(s.Owner, s.Labels["team"], s.Labels["owner"]), description: s.Description, repository: s.Repository}
		if len(s.SLOs) > 0 {
			f.note = path + " has " + output.Count(len(s.SLOs), "SLO") + " of it: a catalog folder takes these files as they are, and then these SLOs hold instead of the proposed ones."
		}
		all[s.Name] = f
	}
	return all, nil
}
