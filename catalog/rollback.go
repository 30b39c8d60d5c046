// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import "cmp"

// A Rollback says how a deployment is taken back.
type Rollback struct {
	// Command is the program and its arguments, where {version} is the version to return to; empty is that of the workload's kind.
	Command []string
	// PerDay is how many of them 24 hours may have; see [Rollback.Budget].
	PerDay int
}

// Budget is how many rollbacks 24 hours may have.
func (b Rollback) Budget() int { return cmp.Or(b.PerDay, defaultRollbacks) }

// A Migration is a version that changed data so that no version before it can work with them.
type Migration struct{ Version, Reason string }

const defaultRollbacks = 2

var rollbackShape = object([]member[Rollback]{
	may("command", "The program and its arguments, which are not read by a shell; {version} is the version to return to. Default: kubectl's, for the kind of workload.", list(line), func(b *Rollback) *[]string { return &b.Command }, nil),
	may("perDay", "How many rollbacks of the service srectl makes within 24 hours. Default: 2.", count(1, 24), func(b *Rollback) *int { return &b.PerDay }, 0),
})

var migrationShape = object([]member[Migration]{
	need("version", "The first version that needs the changed data.", line, func(m *Migration) *string { return &m.Version }),
	may("reason", "What has changed.", line, func(m *Migration) *string { return &m.Reason }, ""),
})

// A Flag is a feature flag, and the program, with its arguments, that turns it off.
type Flag struct {
	Name string
	Off  []string
}

var flagShape = object([]member[Flag]{
	need("name", "The flag's name, as telemetry and the flag service have it.", line, func(f *Flag) *string { return &f.Name }),
	need("off", "The program and its arguments that turn it off, which are not read by a shell.", list(line), func(f *Flag) *[]string { return &f.Off }),
})
