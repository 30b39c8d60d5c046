// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/runbook"
	"github.com/otelcol-sre/otelcol-sre/internal/incident"
	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// The runbook of an incident is that of an alert that fired, also where the origin has none.
func TestRunbookOfAnIncident(t *testing.T) {
	c := parse(t, document("checkout", "shop-team", 1, fmt.Sprintf(twoServices[1:], "checkout"))+document("payment", "payments-team", 1, fmt.Sprintf(twoServices[1:], "payment")))
	s := &site{Options: Options{Source: loaded{catalog: c}, Runbooks: runbook.NewLibrary("", loaded{catalog: c}.Catalog, runbooks.DefaultOptions())}}
	of := func(name string) incident.Service {
		return incident.Service{Namespace: "shop", Name: name, Environment: "production"}
	}
	alert := func(service, kind string, page bool) incident.Spell {
		return incident.Spell{Alert: kind, Kind: kind, Page: page, Service: of(service)}
	}
	for name, tt := range map[string]struct {
		spells []incident.Spell
		want   string
	}{
		"a page of the origin":             {[]incident.Spell{alert("checkout", "ErrorBudgetBurnCritical", true), alert("payment", "ErrorBudgetBurnHigh", true)}, "/runbooks/payment/ErrorBudgetBurnHigh"},
		"rather than its ticket":           {[]incident.Spell{alert("payment", "ErrorBudgetExhausted", false), alert("payment", "ErrorBudgetBurnHigh", true)}, "/runbooks/payment/ErrorBudgetBurnHigh"},
		"which is better than that of one": {[]incident.Spell{alert("checkout", "ErrorBudgetBurnCritical", true), alert("payment", "ErrorBudgetExhausted", false)}, "/runbooks/payment/ErrorBudgetExhausted"},
		"only another has an alert":        {[]incident.Spell{alert("checkout", "ErrorBudgetExhausted", false), alert("checkout", "ErrorBudgetBurnCritical", true)}, "/runbooks/checkout/ErrorBudgetBurnCritical"},
		"one that is not in the catalog":   {[]incident.Spell{alert("search", "ErrorBudgetBurnCritical", true)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			one := &incident.Incident{Services: []incident.Affected{{Service: of("payment"), Origin: true}, {Service: of("checkout")}}, Spells: tt.spells}
			assert.Equal(t, tt.want, s.runbookOf(one))
		})
	}
}
