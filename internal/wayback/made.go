// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package wayback

import (
	"strings"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// ChangeName is what the change is called that a rollback of a service is in timelines.
func ChangeName(service string) string { return "rollback of " + service }

// Onward are the commands that are left after a rollback was made: they wait for its end, and change nothing.
func Onward(s *catalog.Service) []string {
	k := s.Deployment.Kubernetes
	if k == nil || strings.HasPrefix(k.Name, "-") || strings.HasPrefix(k.Namespace, "-") {
		return nil
	}
	return []string{Shell(kubectl(k, "status"))}
}

// Toggles are the commands that return to the version before whatever runs. After a rollback, they bring the version back that it left.
func Toggles(s *catalog.Service) []string {
	k := s.Deployment.Kubernetes
	if k == nil {
		return nil
	}
	return []string{Shell(kubectl(k, "undo"))}
}
