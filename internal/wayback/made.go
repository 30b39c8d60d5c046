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
	command := []string{"kubectl", "rollout", "status", strings.ToLower(k.Kind) + "/" + k.Name}
	if strings.EqualFold(k.Kind, "rollout") {
		command = []string{"kubectl", "argo", "rollouts", "status", k.Name}
	}
	return []string{Shell(inNamespace(command, k))}
}

// Toggles are the commands that return to the version before whatever runs. After a rollback, they bring the version back that it left.
func Toggles(s *catalog.Service) []string {
	k := s.Deployment.Kubernetes
	if k == nil {
		return nil
	}
	command := []string{"kubectl", "rollout", "undo", strings.ToLower(k.Kind) + "/" + k.Name}
	if strings.EqualFold(k.Kind, "rollout") {
		command = []string{"kubectl", "argo", "rollouts", "undo", k.Name}
	}
	return []string{Shell(inNamespace(command, k))}
}

func inNamespace(command []string, k *catalog.KubernetesWorkload) []string {
	if k.Namespace != "" {
		command = append(command, "-n", k.Namespace)
	}
	return command
}
