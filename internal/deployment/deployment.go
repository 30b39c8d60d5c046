// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package deployment is what is known about one deployment of a service, and how a log record says it.
//
// A reporter of deployments (a tracker that saw a new version, srectl mark, a webhook) writes such
// a record; a reader (annotations, pages) shows it. So each can be taken without the others.
package deployment

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Service is what is deployed, and where.
type Service struct {
	Name        string // service.name
	Namespace   string // service.namespace
	Environment string // deployment.environment.name
	Place
}

// A Place is where a service runs, if it runs in several: the same version comes to each at another time.
type Place struct {
	Cluster string // k8s.cluster.name
	Region  string // cloud.region
	Account string // cloud.account.id
}

// Anywhere is the service without its place.
func (s Service) Anywhere() Service {
	s.Place = Place{}
	return s
}

// String is namespace/name in environment at cluster, region and account, without what is not known.
func (s Service) String() string {
	text := s.Name
	if s.Namespace != "" {
		text = s.Namespace + "/" + text
	}
	if s.Environment != "" {
		text += " in " + s.Environment
	}
	for _, where := range []string{s.Cluster, s.Region, s.Account} {
		if where != "" {
			text += " at " + where
		}
	}
	return text
}

// Compare orders services by namespace, name, environment and place.
func (s Service) Compare(other Service) int {
	return cmp.Or(cmp.Compare(s.Namespace, other.Namespace), cmp.Compare(s.Name, other.Name),
		cmp.Compare(s.Environment, other.Environment), cmp.Compare(s.Cluster, other.Cluster),
		cmp.Compare(s.Region, other.Region), cmp.Compare(s.Account, other.Account))
}

// Status is how far a deployment has come. Its event is named deployment. and the status.
type Status string

const (
	// Started is a new version beside the old one.
	Started Status = "started"
	// Canary is a new version that has stayed a minority.
	Canary Status = "canary"
	// Completed is a new version that has taken the old one's place.
	Completed Status = "completed"
	// RolledBack is a version that has gone again, or given way to one that was there before.
	RolledBack Status = "rolled_back"
	// Failed comes from a report; telemetry does not show it.
	Failed Status = "failed"
)

// Verified is no status: the event reports what a gate for releases said of the deployment. It does not move on by that.
const Verified Status = "verified"

// Statuses are all of them.
var Statuses = []Status{Started, Canary, Completed, RolledBack, Failed}

// Over reports whether nothing more is to come.
func (s Status) Over() bool { return s == Completed || s == RolledBack || s == Failed }

// ParseStatus also takes the names of others: the semantic conventions' succeeded, and the usual ones of pipelines.
func ParseStatus(text string) (Status, error) {
	switch text {
	case string(Started), "in_progress", "running", "pending":
		return Started, nil
	case string(Canary):
		return Canary, nil
	case string(Completed), "succeeded", "success":
		return Completed, nil
	case string(RolledBack), "rollback", "rolledback":
		return RolledBack, nil
	case string(Failed), "failure", "error", "cancelled", "canceled":
		return Failed, nil
	}
	return "", fmt.Errorf("status %.60q is not known; use one of %q", text, Statuses)
}

// Deployment is one version on its way into one environment. What is not known is empty.
type Deployment struct {
	Service
	// ID is the same for every report of this deployment.
	ID       string
	Version  string
	Previous string // the version that it replaces
	Status   Status
	Start    time.Time
	End      time.Time // zero until it is over

	Revision      string    // commit that was built
	Committed     time.Time // when it was made; zero if nobody said
	Branch        string    // branch or tag
	Repository    string    // URL
	Compare       string    // URL of what has changed since the previous version
	Change        string    // pull or merge request
	Pipeline      string    // name
	RunID         string    // of the pipeline
	RunURL        string
	Actor         string // who deployed
	Configuration string // revision of the configuration
	Tickets       string // that it resolves, separated by commas
	Rollback      bool   // it returns to a version that was there before the one that it replaces

	// Adoption is the share in percent, of 10, 50 and 90, that a release to a fleet of clients has passed.
	Adoption int

	// Effect is what it did to the service's SLOs.
	Effect Effect
	// Gate is what a gate for releases said of it last.
	Gate Gate
}

// NewID makes the ID of the n-th deployment (from 0) of the version of a service: the same in every collector that has
// seen the same versions, so that two of them report one deployment.
func NewID(s Service, version string, n int) string {
	text := fmt.Appendf(nil, "%q %q %q %q %d", s.Namespace, s.Name, s.Environment, version, n)
	if s.Place != (Place{}) {
		text = fmt.Appendf(text, " %q %q %q", s.Cluster, s.Region, s.Account)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Merge takes from other what is not known yet. The ID, the status and the times stay.
func (d *Deployment) Merge(other *Deployment) {
	for _, pair := range [...][2]*string{
		{&d.Previous, &other.Previous},
		{&d.Revision, &other.Revision}, {&d.Branch, &other.Branch}, {&d.Repository, &other.Repository},
		{&d.Compare, &other.Compare}, {&d.Change, &other.Change}, {&d.Pipeline, &other.Pipeline},
		{&d.RunID, &other.RunID}, {&d.RunURL, &other.RunURL}, {&d.Actor, &other.Actor},
		{&d.Configuration, &other.Configuration}, {&d.Tickets, &other.Tickets},
	} {
		if *pair[0] == "" {
			*pair[0] = *pair[1]
		}
	}
	if d.Committed.IsZero() {
		d.Committed = other.Committed
	}
	d.Rollback = d.Rollback || other.Rollback
	d.Adoption = max(d.Adoption, other.Adoption)
	d.Effect = d.Effect.later(&other.Effect)
	d.Gate = d.Gate.later(other.Gate)
}
