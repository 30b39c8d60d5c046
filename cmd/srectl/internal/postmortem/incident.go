// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package postmortem

import "time"

// An incident is the page of one. What is not known is nil or empty.
type incident struct {
	ID       string     `json:"id"`
	Path     string     `json:"path"`
	State    string     `json:"state"`
	Page     bool       `json:"page"`
	Start    time.Time  `json:"start"`
	Alerted  time.Time  `json:"alerted"`
	End      *time.Time `json:"end"`
	BurnEnd  *time.Time `json:"burn_end"`
	Origin   affected   `json:"origin"`
	Services []affected `json:"services"`
	Change   *suspect   `json:"change"`
	Suspects []suspect  `json:"suspects"`
	Burning  []burning  `json:"burning"`
	// Cost is how many events the likely change failed.
	Cost     *float64  `json:"change_failed"`
	Requests []request `json:"first_failed_requests"`
	Timeline []moment  `json:"timeline"`
	// Fails is what the failed requests have in common.
	Fails *struct {
		Text string `json:"text"`
	} `json:"what_fails"`
	Owner   string `json:"owner"`
	Runbook string `json:"runbook"`
}

type affected struct {
	Namespace   string `json:"namespace"`
	Service     string `json:"service"`
	Environment string `json:"environment"`
}

type suspect struct {
	Text        string    `json:"text"`
	Time        time.Time `json:"time"`
	Probability float64   `json:"probability"`
	Revision    string    `json:"revision"`
	Commit      string    `json:"commit_url"`
	Compare     string    `json:"compare_url"`
	Run         string    `json:"run_url"`
	Tickets     string    `json:"tickets"`
}

type burning struct {
	Service   string    `json:"service"`
	SLO       string    `json:"slo"`
	Since     time.Time `json:"since"`
	Failed    *float64  `json:"failed"`
	Events    *float64  `json:"events"`
	Remaining *float64  `json:"error_budget_remaining"`
}

type request struct {
	Service string    `json:"service"`
	TraceID string    `json:"trace_id"`
	Time    time.Time `json:"time"`
}

type moment struct {
	Time time.Time `json:"time"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
}
