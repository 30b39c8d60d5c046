// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/extensions/status_page/internal/deployment"
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

func TestWayBack(t *testing.T) {
	at := time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC)
	ran := func(version string, ago time.Duration) deployment.Deployment {
		return deployment.Deployment{Namespace: "shop", Service: "payment", Environment: "production", Version: version, Status: "completed", Since: at.Add(-ago)}
	}
	other := ran("9.9.9", 0)
	other.Service = "checkout"
	deployments := []deployment.Deployment{ran("1.0.0", 48*time.Hour), other, ran("2.0.0", 0), ran("1.5.0", time.Hour)}
	change := &incident.Suspect{Change: incident.Change{Service: incident.Service{Namespace: "shop", Name: "payment", Environment: "production"}, Kind: incident.Deployment, Version: "2.0.0", At: at}}
	of := func(command []string, migrations ...catalog.Migration) *catalog.Service {
		return &catalog.Service{Name: "payment", Namespace: "shop", Deployment: catalog.Deployment{Rollback: catalog.Rollback{Command: command}, Migrations: migrations}}
	}
	helm := []string{"helm", "rollback", "payment", "{version}"}
	assert.Equal(t, undo{Version: "1.5.0", Command: []string{"helm rollback payment 1.5.0"}}, wayBack(of(helm), change, deployments, nil))
	assert.Equal(t, undo{Version: "1.5.0", Command: []string{}, Why: "the catalog says no way back: give the service deployment.rollback.command or deployment.kubernetes"}, wayBack(of(nil), change, deployments, nil))
	assert.Equal(t, undo{Version: "1.5.0", Command: []string{}, Why: "version 2.0.0 changed data (two keys), and 1.5.0 cannot work with them: go forward instead"},
		wayBack(of(helm, catalog.Migration{Version: "2.0.0", Reason: "two keys"}), change, deployments, nil))
	flag := &incident.Suspect{Change: incident.Change{Kind: "feature_flag", Subject: "fast-pay", Previous: "off", Value: "on"}}
	switched := of(nil)
	switched.Deployment.Flags = []catalog.Flag{{Name: "slow-pay", Off: []string{"false"}}, {Name: "fast-pay", Off: []string{"flagctl", "off", "fast pay"}}}
	assert.Equal(t, undo{Value: "off", Command: []string{"flagctl off 'fast pay'"}}, flagBack(switched, flag))
	assert.Equal(t, undo{Value: "off", Command: []string{}}, flagBack(of(nil), flag))
	assert.Equal(t, undo{Value: "off", Command: []string{}}, flagBack(nil, flag), "a flag of no service that is known")
	flag.Kind = "configuration"
	assert.Equal(t, undo{Value: "off", Command: []string{}}, flagBack(switched, flag), "a configuration of the same name")
	assert.Equal(t, undo{Command: []string{}, Why: "no version before 2.0.0 is known: name one with --to"}, wayBack(of(helm), change, deployments[2:3], nil))
}
