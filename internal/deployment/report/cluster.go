// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/internal/change"
	"github.com/otelcol-sre/otelcol-sre/internal/change/tracker"
)

// object is a change of what a Kubernetes object is about: the service that its annotations and labels name, or all of its namespace.
func (p *changePayload) object(kind change.Kind) tracker.Report {
	meta := func(path ...string) string { return p.text(append([]string{"metadata"}, path...)...) }
	for _, where := range [][]string{{"metadata", "annotations"}, {"spec", "template", "metadata", "annotations"}} {
		if v, ok := at(p.body, where...); ok && v.Type() == pcommon.ValueTypeMap {
			p.takeHints(attributeAnnotation, v.Map())
		}
	}
	p.named = "metadata.name"
	r := tracker.Report{Change: change.Change{Kind: kind}}
	r.Service.Name, r.Namespace = meta("labels", "app.kubernetes.io/name"), meta("namespace")
	return r
}

// changedAt is when the object was written last, as far as it says.
func (p *changePayload) changedAt() time.Time {
	newest := p.time(time.RFC3339, "metadata", "creationTimestamp")
	if v, ok := at(p.body, "metadata", "managedFields"); ok && v.Type() == pcommon.ValueTypeSlice {
		for _, one := range v.Slice().All() {
			if one.Type() != pcommon.ValueTypeMap {
				continue
			}
			if t, err := time.Parse(time.RFC3339, textAt(one.Map(), "time")); err == nil && t.After(newest) {
				newest = t
			}
		}
	}
	return newest
}

// clockwork are ConfigMaps and Secrets that the cluster writes for itself.
var clockwork = []string{"kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert", "cluster-autoscaler-status"}

// kustomized is the hash that Kustomize appends to a name, so that a new content is a new object.
var kustomized = regexp.MustCompile(`^(.+)-([bcdfghkmt2456789]{10})$`)

// readContent reads a ConfigMap or Secret. Its revision is a keyed hash of its content, or what Kustomize made part of its name. The content goes nowhere.
func readContent(p *changePayload) bool {
	kind, name := p.text("kind"), p.text("metadata", "name")
	p.kind = kind
	if slices.Contains(clockwork, name) || p.text("metadata", "annotations", "control-plane.alpha.kubernetes.io/leader") != "" || p.watched == "DELETED" {
		return false
	}
	switch secret := p.text("type"); {
	case kind != "Secret":
	case strings.HasPrefix(secret, helmSecret), secret == "kubernetes.io/service-account-token", secret == "bootstrap.kubernetes.io/token": //nolint:gosec // types of Secrets
		return false
	}
	content := map[string]any{}
	for _, key := range []string{"data", "binaryData", "stringData"} {
		if v, ok := p.body.Get(key); ok && v.Type() == pcommon.ValueTypeMap {
			content[key] = v.Map().AsRaw()
		}
	}
	text, err := json.Marshal(content)
	if err != nil {
		return false
	}
	r := p.object(change.Configuration)
	r.Name, r.Value = kind+" "+name, p.sum(text)
	if parts := kustomized.FindStringSubmatch(name); parts != nil {
		r.Name, r.Value = kind+" "+parts[1], parts[2]
	}
	r.Actor = p.manager()
	r.State, r.Start = true, p.changedAt()
	p.add(r)
	return true
}

// manager is the tool or person that wrote the object last.
func (p *changePayload) manager() string {
	var newest time.Time
	manager := ""
	if v, ok := at(p.body, "metadata", "managedFields"); ok && v.Type() == pcommon.ValueTypeSlice {
		for _, one := range v.Slice().All() {
			if one.Type() != pcommon.ValueTypeMap {
				continue
			}
			if t, err := time.Parse(time.RFC3339, textAt(one.Map(), "time")); err == nil && !t.Before(newest) {
				newest, manager = t, textAt(one.Map(), "manager")
			}
		}
	}
	return manager
}

// pools are the labels that name the pool of a node: of GKE, EKS, AKS, Karpenter, kOps, DigitalOcean and Cluster API.
var pools = []string{
	"cloud.google.com/gke-nodepool", "eks.amazonaws.com/nodegroup", "kubernetes.azure.com/agentpool", "agentpool", "karpenter.sh/nodepool",
	"kops.k8s.io/instancegroup", "doks.digitalocean.com/node-pool", "cluster.x-k8s.io/deployment-name", "node-role.otelcol-sre.dev/pool",
}

// readNode reads a node: its pool is what its nodes run. Nodes without a pool are one.
func readNode(p *changePayload) bool {
	p.kind = "Node"
	pool := "default"
	for _, label := range slices.Backward(pools) {
		pool = cmp.Or(p.text("metadata", "labels", label), pool)
	}
	kubelet, image := p.text("status", "nodeInfo", "kubeletVersion"), p.text("status", "nodeInfo", "osImage")
	r := p.object(change.Infrastructure)
	r.Service.Name, r.Namespace = "", ""
	r.Name, r.Member, r.State = "node pool "+pool, p.text("metadata", "name"), true
	r.Value = strings.TrimSpace(kubelet + " " + image)
	if kind := p.text("metadata", "labels", "node.kubernetes.io/instance-type"); kind != "" {
		r.Value += " " + kind
	}
	r.Gone = p.watched == "DELETED"
	if r.Value == "" && !r.Gone || r.Member == "" {
		return false
	}
	r.Start = p.time(time.RFC3339, "metadata", "creationTimestamp")
	if p.watched == "MODIFIED" {
		r.Start = time.Time{} // an upgrade in place is now
	}
	p.add(r)
	return true
}

// migrating are the words that name a job that changes a database.
var migrating = regexp.MustCompile(`(?i)migrat|flyway|liquibase|alembic|db[-_]?(upgrade|update|schema)|schema[-_]?(update|change|sync)|rake db:|prisma|goose`)

// readJob reads a job that changes a database, as its name, labels, image or command say.
func readJob(p *changePayload) bool {
	p.kind = "Job"
	name := p.text("metadata", "name")
	if !migrating.MatchString(name) && !migrating.MatchString(p.text("metadata", "labels", "app.kubernetes.io/component")) && !p.migrates() {
		return false
	}
	r := p.object(change.Infrastructure)
	r.Name, r.Summary = "job "+name, "database migration"
	if uid := p.text("metadata", "uid"); uid != "" {
		r.ID = "job-" + uid
	}
	r.Start = p.time(time.RFC3339, "status", "startTime")
	if r.Start.IsZero() {
		return false
	}
	r.Status = change.Started
	if v, ok := at(p.body, "status", "conditions"); ok && v.Type() == pcommon.ValueTypeSlice {
		for _, c := range v.Slice().All() {
			if c.Type() != pcommon.ValueTypeMap || textAt(c.Map(), "status") != "True" {
				continue
			}
			condition := payload{body: c.Map()}
			switch textAt(c.Map(), "type") {
			case "Complete":
				r.Status, r.End = change.Completed, condition.time(time.RFC3339, "lastTransitionTime")
			case "Failed":
				r.Status, r.End = change.Failed, condition.time(time.RFC3339, "lastTransitionTime")
			}
			p.errs = append(p.errs, condition.errs...)
		}
	}
	p.add(r)
	return true
}

// migrates looks at the image, command and arguments of the job's containers.
func (p *changePayload) migrates() bool {
	v, ok := at(p.body, "spec", "template", "spec", "containers")
	if !ok || v.Type() != pcommon.ValueTypeSlice {
		return false
	}
	for _, c := range v.Slice().All() {
		if c.Type() != pcommon.ValueTypeMap {
			continue
		}
		text := textAt(c.Map(), "image") + " " + textAt(c.Map(), "name")
		for _, key := range []string{"command", "args"} {
			if words, ok := c.Map().Get(key); ok && words.Type() == pcommon.ValueTypeSlice {
				for _, word := range words.Slice().All() {
					text += " " + word.AsString()
				}
			}
		}
		if migrating.MatchString(text) {
			return true
		}
	}
	return false
}

// The reasons of events about autoscaling: of the HorizontalPodAutoscaler, and of the cluster autoscaler.
const (
	rescaled = "SuccessfulRescale"
	scaleUp  = "TriggeredScaleUp"
	scaledUp = "ScaledUpGroup"
)

var (
	newSize = regexp.MustCompile(`New size: (\d+)`)
	groups  = regexp.MustCompile(`\{(\S+) (\d+)->(\d+)`)
	setting = regexp.MustCompile(`setting group (\S+) size to (\d+)(?: instead of (\d+))?`)
)

// readScaling reads an event about autoscaling. All that follow each other are one change.
func readScaling(p *changePayload) bool {
	p.kind = "Kubernetes event"
	about := "involvedObject"
	if _, ok := p.body.Get(about); !ok {
		about = "regarding"
	}
	message := cmp.Or(textAt(p.body, "message"), textAt(p.body, "note"))
	r := tracker.Report{Series: true, Change: change.Change{Kind: change.Infrastructure}}
	for _, path := range [][]string{{"lastTimestamp"}, {"eventTime"}, {"deprecatedLastTimestamp"}} {
		if r.Start.IsZero() {
			r.Start = p.time(time.RFC3339, path...)
		}
	}
	if size := newSize.FindStringSubmatch(message); size != nil {
		target := p.text(about, "name")
		r.Name, r.Value = "autoscaling "+target, size[1]+" instances"
		r.Service.Name, r.Namespace = target, p.text(about, "namespace")
		p.add(r)
	}
	for _, group := range groups.FindAllStringSubmatch(message, 10) {
		r.Name, r.Previous, r.Value = "autoscaling of nodes "+strings.Trim(group[1], "[{"), group[2]+" nodes", group[3]+" nodes"
		p.add(r)
	}
	if group := setting.FindStringSubmatch(message); group != nil {
		r.Name, r.Value = "autoscaling of nodes "+group[1], group[2]+" nodes"
		if group[3] != "" {
			r.Previous = group[3] + " nodes"
		}
		p.add(r)
	}
	return len(p.found) > 0
}

// fluxSynced is the reason of Flux' event that a Kustomization is as a revision of its source says.
const fluxSynced = "ReconciliationSucceeded"

// readSync reads that event. The revision is a state: Flux says it again at every interval.
func readSync(p *changePayload) bool {
	about := "involvedObject"
	if _, ok := p.body.Get(about); !ok {
		about = "regarding"
	}
	if !strings.Contains(p.text(about, "apiVersion"), fluxGroup) || p.text(about, "kind") != "Kustomization" {
		return false
	}
	p.kind, p.named = "Flux event", about+".name"
	r := tracker.Report{State: true, Change: change.Change{Kind: change.Configuration, Name: "Kustomization " + p.text(about, "name"), Actor: "Flux"}}
	r.Namespace = p.text(about, "namespace")
	for _, path := range [][]string{{"timestamp"}, {"lastTimestamp"}, {"eventTime"}} {
		if r.Start.IsZero() {
			r.Start = p.time(time.RFC3339, path...)
		}
	}
	metadata, ok := at(p.body, "metadata", "annotations")
	if !ok {
		metadata, ok = p.body.Get("metadata")
	}
	if !ok || metadata.Type() != pcommon.ValueTypeMap {
		return false
	}
	for key, v := range metadata.Map().All() {
		if i := strings.Index(key, fluxGroup); i >= 0 {
			key = key[i+len(fluxGroup):]
		}
		if key == "revision" {
			r.Value = shortSource(v.AsString())
		} else {
			p.hints.PutStr(key, v.AsString())
		}
	}
	if r.Value == "" {
		return false
	}
	p.add(r)
	return true
}

// shortSource is a revision as Flux and Argo CD write it, with a short commit: main@sha1:731f7eadd.
func shortSource(revision string) string {
	return longHash.ReplaceAllStringFunc(revision, func(hash string) string { return hash[:10] })
}

var longHash = regexp.MustCompile(`[0-9a-f]{40,64}`)

// readApplication reads an Application of Argo CD. What it has synced last is its state.
func readApplication(p *changePayload) bool {
	p.kind = "Argo CD Application"
	phase := p.text("status", "operationState", "phase")
	if phase != "Succeeded" && phase != "Failed" && phase != "Error" || p.watched == "DELETED" {
		return false
	}
	r := p.object(change.Configuration)
	r.Namespace = cmp.Or(p.text("spec", "destination", "namespace"), r.Namespace)
	r.Name = "Argo CD " + p.text("metadata", "name")
	r.Value = shortSource(cmp.Or(p.text("status", "operationState", "syncResult", "revision"), p.text("status", "sync", "revision")))
	r.Actor = cmp.Or(p.text("status", "operationState", "operation", "initiatedBy", "username"), "Argo CD")
	r.Start = p.time(time.RFC3339, "status", "operationState", "startedAt")
	r.State = true
	if phase != "Succeeded" {
		r.State, r.Status, r.End = false, change.Failed, p.time(time.RFC3339, "status", "operationState", "finishedAt")
		r.ID = fmt.Sprintf("argocd-%s-%d", p.text("metadata", "uid"), r.Start.Unix())
	}
	if r.Value == "" {
		return false
	}
	p.add(r)
	return true
}

// helmSecret begins the type of a Secret in which Helm keeps a release.
const helmSecret = "helm.sh/release." //nolint:gosec // a type
