// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/wayback"
)

// changed leads to the deployments and other changes of the last day.
func (c *subject) changed() markdown {
	return c.once(part{kind: "changed"}, func(b *page) {
		repository := markdown("")
		if c.service.Repository != "" {
			repository = sprintf(" %s.", link("The commits", c.service.Repository))
		}
		b.paragraph(sprintf("Most incidents begin with a change. %s%s", c.answers([]ask{
			{"Deployments of the last day", c.q.deploys()}, {"running versions", c.q.instances()}, {"flags, configuration, infrastructure", c.q.changes()}}), repository))
	})
}

// wayBack is the command that rolls back immediately.
func (c *subject) wayBack() markdown {
	r := c.rollback()
	if len(r.commands) == 0 {
		return r.do + "\n\n"
	}
	return r.do + "\n\n" + bounded("sh", r.commands...)
}

// rollback is the remedy that restores the previous version.
func (c *subject) rollback() remedy {
	r := remedy{
		name:   rollBack,
		when:   "A version is new, and its share of bad events is higher than that of the previous version.",
		verify: "Within 5 minutes only the old version runs, and the error ratio over 5m falls:",
		check:  c.verifyRollback(),
	}
	if command := c.service.Deployment.Rollback.Command; len(command) > 0 {
		r.do = "Roll back: write the version to return to in place of `{version}`."
		r.commands = []string{wayback.Shell(command)}
		r.undo = "Run the same command with the new version."
		return r
	}
	k := c.service.Deployment.Kubernetes
	if k == nil {
		r.do = "Roll back to the previous version. The catalog does not describe how: add `spec.deployment.kubernetes`, or write the command under Known causes."
		r.undo = "Deploy the new version again."
		return r
	}
	if r.commands = c.undo(); r.commands == nil {
		r.do = sprintf("%s has no rollout history. Apply its previous manifest:", text(k.Kind))
		r.commands = []string{c.kubectl("kubectl get %s -o yaml")}
		r.undo = "Apply the new manifest again."
		return r
	}
	r.do = "Roll back:"
	r.undo = "A second run takes the rollback back: the new version runs again."
	return r
}

// undo are the commands that restore the previous version and wait for it; none for a workload without a history.
func (c *subject) undo() []string {
	k := c.service.Deployment.Kubernetes
	switch strings.ToLower(k.Kind) {
	case "deployment", "statefulset", "daemonset":
		return []string{c.kubectl("kubectl rollout undo %s"), c.kubectl("kubectl rollout status %s")}
	case "rollout":
		rollout := shell(k.Name) + c.inNamespace()
		return []string{"kubectl argo rollouts undo " + rollout, "kubectl argo rollouts status " + rollout}
	}
	return nil
}

// kubectl is a command about the workload, which takes the place of %s.
func (c *subject) kubectl(command string) string {
	k := c.service.Deployment.Kubernetes
	return strings.Replace(command, "%s", shell(strings.ToLower(k.Kind)+"/"+k.Name), 1) + c.inNamespace()
}

func (c *subject) inNamespace() string {
	if namespace := c.service.Deployment.Kubernetes.Namespace; namespace != "" {
		return " -n " + shell(namespace)
	}
	return ""
}

func (c *subject) verifyRollback() []ask {
	return []ask{{"instances by version", c.q.instances()}, {"error ratios over 5m", c.q.every("slo:sli_error:ratio_rate5m", 1)}}
}

// scales reports whether kubectl can set the number of instances.
func (c *subject) scales() bool {
	k := c.service.Deployment.Kubernetes
	return k != nil && slices.Contains([]string{"deployment", "statefulset"}, strings.ToLower(k.Kind))
}

// restart and scale help if no version is the cause.
func (c *subject) restart() []remedy {
	if c.scales() {
		return []remedy{{
			name:     scaleOut,
			when:     "Instances lack CPU or memory, or traffic is much higher than last week.",
			do:       "Increase the number of instances by half:",
			commands: []string{"N=$(" + c.kubectl("kubectl get %s -o jsonpath='{.spec.replicas}'") + ")", c.kubectl("kubectl scale %s --replicas=$((N * 3 / 2 + 1))")},
			verify:   "More instances run:",
			check:    c.verifyRollback(),
			undo:     sprintf("%s in the same shell. An autoscaler (HPA) reverts the step: raise its minimum instead.", code(c.kubectl("kubectl scale %s --replicas=$N"))),
		}, {
			name:     "Restart",
			when:     "No version is new, and one instance or all instances hang.",
			do:       "Restart the instances one after the other:",
			commands: []string{c.kubectl("kubectl rollout restart %s"), c.kubectl("kubectl rollout status %s")},
			verify:   "All instances are new and ready:",
			check:    c.verifyRollback(),
			undo:     "None is needed. Keep the logs of the old instances first: `kubectl logs --previous`.",
		}}
	}
	return nil
}

// dependencies asks whether one of the services that this one calls burns.
func (c *subject) dependencies() markdown {
	more := c.depends()
	if more == "" {
		return ""
	}
	return sprintf("**Does a dependency burn its error budget?** %s\n\n", more)
}

// indexOf leads to another service's pages, if it has some.
func indexOf(d catalog.Dependency) markdown {
	if d.Service == nil {
		return text(d.Reference)
	}
	return pageLink(text(d.Reference), "..", d.Service.Slug(), Index)
}

func (c *subject) escalation() markdown {
	e := c.service.Escalation
	var ways []markdown
	for _, way := range []struct {
		name    markdown
		address string
	}{{"Pager", e.Pager}, {"Chat", e.Chat}, {"Email", e.Email}, {"Wiki", e.Wiki}} {
		if way.address != "" {
			ways = append(ways, sprintf("%s: %s", way.name, link(short(way.address), way.address)))
		}
	}
	var b page
	b.paragraph(sprintf("Owner: **%s**. Escalate if you do not know the cause after 15 minutes, or if you lack the permission for a step under Mitigation.", orNone(c.service.Owner)))
	if c.ofCollector() {
		b.paragraph("The collector has no entry in the catalog. Its owner is the team that runs it. Write the name of that team under Notes of the index.")
		return b.markdown()
	}
	if len(ways) == 0 {
		b.paragraph("The catalog has no contact: add `spec.escalation`.")
		return b.markdown()
	}
	b.list(ways...)
	return b.markdown()
}

// further is where else to ask; the page begins with the owner.
func (c *subject) further() markdown {
	if c.ofCollector() {
		return "The team that runs the collector. Write its name under Notes of the index.\n\n"
	}
	return sprintf("After 15 minutes without a cause, or without the permission for a step: the owner, above. %s.\n\n", pageLink("All ways to reach them", Index))
}

// silencing is a silence for exactly this alert, and the alerts that stay active.
func (c *subject) silencing(g guide) markdown {
	var b page
	b.paragraph("Only if the cause is known and someone works on it:")
	a := c.alert()
	b.add(bounded("sh", c.amtool(a, g.silence)))
	if slos := c.slos(); len(slos) > 1 {
		b.paragraph(sprintf("For another SLO write its name in place of %s.", text(a.SLO.Name)))
	}
	if !c.ofCollector() && slices.ContainsFunc(c.alerts, func(a alerts.Alert) bool { return !c.oneEnvironment(a) }) {
		b.paragraph(sprintf("Add the alert's label %s. Without it the silence covers all environments.", code("environment")))
	}
	b.paragraph(sprintf("Undo, with the ID that this printed: %s.", code("amtool silence expire ID --alertmanager.url="+shell(c.o.Alertmanager))))
	b.paragraph(g.stays)
	return b.markdown()
}

// amtool adds a silence whose matchers hold for this alert only. Without the environment, when the
// catalog names none or several, it holds for all: the hint tells how to narrow it.
func (c *subject) amtool(a alerts.Alert, d time.Duration) string {
	matchers := []string{shell("alertname=" + a.AlertName())}
	match := func(label, value string) {
		if value != "" {
			matchers = append(matchers, shell(fmt.Sprintf("%s=%q", label, value)))
		}
	}
	if a.AlertName() != a.Name { // other alerts have the same name
		match("slo_alert", a.Name)
	}
	if !c.ofCollector() {
		match("service_name", c.service.Name)
		match("service_namespace", c.service.Namespace)
	}
	if a.SLO != nil {
		match("slo_name", a.SLO.Name)
	}
	if c.oneEnvironment(a) {
		match("environment", c.service.Environments[0])
	}
	return fmt.Sprintf("amtool silence add --alertmanager.url=%s --author=\"$USER\" --duration=%s \\\n  --comment='CAUSE, OWNER' \\\n  %s",
		shell(c.o.Alertmanager), catalog.FormatDuration(d), strings.Join(matchers, " "))
}

// oneEnvironment reports whether the alert's label environment is known: the catalog names one, and the SLI
// is not a query of the user's, which may have none.
func (c *subject) oneEnvironment(a alerts.Alert) bool {
	return len(c.service.Environments) == 1 && (a.SLO == nil || a.SLO.SLI.Prometheus == nil)
}
