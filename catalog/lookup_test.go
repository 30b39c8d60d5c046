// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLookup(t *testing.T) {
	bank, mall := &Service{Name: "ledger", Namespace: "bank"}, &Service{Name: "ledger", Namespace: "mall"}
	till := &Service{Name: "till", Namespace: "mall", DependsOn: []string{"mall/ledger", "queue", "gone", "far/gone"}}
	vault := &Service{Name: "vault", Namespace: "bank", DependsOn: []string{"ledger", "mall/till", "any/queue"}}
	queue := &Service{Name: "queue", DependsOn: []string{"ledger"}}
	c := &Catalog{Services: []*Service{queue, bank, vault, mall, till}}
	tellApart(c.Services)

	for reference, want := range map[string]*Service{
		"bank/ledger": bank, "mall/ledger": mall, "bank.ledger": bank, "mall.ledger": mall, "ledger": bank,
		"till": till, "mall/till": till, "queue": queue, "any/queue": queue,
		"bank/till": nil, "mall": nil, "mall/": nil, "": nil, "gone": nil,
	} {
		assert.Same(t, want, c.Lookup(reference), reference)
	}
	for id, want := range map[[2]string]*Service{
		{"bank", "ledger"}: bank, {"mall", "ledger"}: mall, {"", "ledger"}: bank, {"shop", "ledger"}: nil,
		{"shop", "queue"}: queue, {"", "queue"}: queue, {"", "gone"}: nil,
	} {
		assert.Same(t, want, c.Emitter(id[0], id[1]), id)
	}
	assert.Equal(t, []Dependency{{"mall/ledger", mall}, {"queue", queue}, {"gone", nil}, {"far/gone", nil}}, c.Dependencies(till))
	assert.Equal(t, []Dependency{{"ledger", bank}, {"mall/till", till}, {"any/queue", queue}}, c.Dependencies(vault))
	assert.Equal(t, []*Service{till}, c.Dependents(mall))
	assert.Equal(t, []*Service{queue, vault}, c.Dependents(bank))
	assert.Equal(t, []*Service{vault, till}, c.Dependents(queue))
	assert.Nil(t, (*Index)(nil).Lookup("till"))
	assert.Equal(t, []string{"gone", "far"}, []string{Dependency{Reference: "far/gone"}.Name(), Dependency{Reference: "far/gone"}.Namespace()})
}

func TestFileNames(t *testing.T) {
	for slug, want := range map[string][2]string{
		"till": {"till", "till"}, "a b": {"a b", "a%20b"}, "": {"_", "_"}, "..": {"_..", "_.."}, "a/b": {"_a%2Fb", "a%2Fb"},
	} {
		assert.Equal(t, want, [2]string{FileName(slug), PathSegment(slug)}, slug)
	}
}
