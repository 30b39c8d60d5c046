// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"go.uber.org/zap"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

const (
	// manager is the name under which the status is applied.
	manager = "otelcol-sre"
	// maxMessage bounds a condition's message in bytes, maxListed the problems in it.
	maxMessage, maxListed = 4096, 10
	// again is when a status is written again that could not be.
	again = 30 * time.Second
)

// verdicts are the conditions of the catalog's own objects, after a reading.
func (r reading) verdicts(now snapshot) map[*Object]condition {
	texts := map[string]string{}
	for _, s := range r.catalog.Services {
		texts[s.Position.File] = fmt.Sprintf("Service %s, SLOs: %d.", s.Name, len(s.SLOs))
	}
	for _, d := range r.catalog.Defaults {
		texts[d.Position.File] = fmt.Sprintf("Defaults %s, SLOs: %d.", d.Name, len(d.Template.SLOs))
	}
	all := map[*Object]condition{}
	for _, o := range now.objects {
		if !o.place.own() || o.recalled {
			continue
		}
		problems := r.objects[o.Name]
		if problems.Err() != nil {
			all[o] = condition{status: "False", reason: catalog.ReasonInvalid, message: message("", problems.Errors()), generation: o.generation}
			continue
		}
		text := cmp.Or(texts[o.Name], "Read.")
		all[o] = condition{status: "True", reason: catalog.Accepted, message: message(text, problems.Warnings()), generation: o.generation}
	}
	for _, o := range now.further {
		if o.place.own() && !o.recalled {
			all[o] = condition{status: "False", reason: catalog.ReasonTooMany, message: "Is left out; " + tooMany + ".", generation: o.generation}
		}
	}
	return all
}

// message is a text and problems, for people: on one line, bounded, without the name of the object that it is in.
func message(text string, problems catalog.Problems) string {
	parts := []string{}
	if text != "" {
		parts = append(parts, text)
	}
	for i, p := range problems {
		if i == maxListed {
			parts = append(parts, fmt.Sprintf("%d more", len(problems)-i))
			break
		}
		p.Position = catalog.Position{}
		parts = append(parts, strings.TrimPrefix(strings.TrimPrefix(p.String(), ": "), "error: "))
	}
	all := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(strings.Join(parts, " | "), ""))
	if len(all) > maxMessage {
		all = strings.ToValidUTF8(all[:maxMessage], "") + "..."
	}
	return all
}

// A scribe writes conditions into the status of objects.
type scribe struct {
	apply  func(ctx context.Context, o *Object, status *unstructured.Unstructured) error
	now    func() time.Time
	logger *zap.Logger
	latest chan map[*Object]condition
	// written are what this collector wrote last. It writes each once: collectors of two versions may differ, and would go on replacing each
	// other's for ever.
	written map[types.UID]condition
	failed  bool // was logged
}

func newScribe(apply func(context.Context, *Object, *unstructured.Unstructured) error, now func() time.Time, logger *zap.Logger) *scribe {
	return &scribe{apply: apply, now: now, logger: logger, latest: make(chan map[*Object]condition, 1), written: map[types.UID]condition{}}
}

// publish replaces what is to be written.
func (s *scribe) publish(verdicts map[*Object]condition) {
	select {
	case <-s.latest: // is out of date
	default:
	}
	s.latest <- verdicts
}

func (s *scribe) run(ctx context.Context) {
	var verdicts map[*Object]condition
	retry := time.NewTimer(again)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case verdicts = <-s.latest:
		case <-retry.C:
		}
		s.write(ctx, verdicts)
		retry.Reset(again)
	}
}

func (s *scribe) write(ctx context.Context, verdicts map[*Object]condition) {
	there := make(map[types.UID]bool, len(verdicts))
	for o := range verdicts {
		there[o.uid] = true
	}
	failed := false
	for o, verdict := range verdicts {
		if s.written[o.uid] == verdict || o.found.same(verdict) {
			continue
		}
		err := s.apply(ctx, o, s.status(o, verdict))
		switch {
		case err == nil, apierrors.IsNotFound(err), apierrors.IsConflict(err): // it is gone or another one now, of which there will be a verdict
			s.written[o.uid] = verdict
		case ctx.Err() != nil:
			return
		default:
			failed = true
			s.complain(o, err)
		}
		if failed && !apierrors.IsInvalid(err) {
			break // the others fail as well
		}
	}
	s.failed = failed
	for uid := range s.written {
		if !there[uid] {
			delete(s.written, uid)
		}
	}
}

// complain logs the first failure until there is none any more.
func (s *scribe) complain(o *Object, err error) {
	if !s.failed {
		s.logger.Warn("Cannot write the status of a catalog object; the catalog is in use all the same. Allow patch on services/status and defaults/status of "+catalog.Group+
			", as the Role of deploy/kustomize/components/catalog-objects does, or set write_status: false", zap.String("object", o.Name), zap.Error(err))
	}
	s.failed = true
}

// status is the object with its condition only, as server-side apply takes it.
func (s *scribe) status(o *Object, c condition) *unstructured.Unstructured {
	since := o.found.since
	if o.found.status != c.status || since == "" {
		since = s.now().UTC().Format(time.RFC3339)
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": catalog.APIVersion, "kind": o.place.kind(),
		"metadata": map[string]any{"name": o.name, "namespace": o.place.namespace, "uid": string(o.uid)}, // not of another one of this name
		"status": map[string]any{"conditions": []any{map[string]any{
			"type": catalog.Accepted, "status": c.status, "reason": c.reason, "message": c.message,
			"observedGeneration": c.generation, "lastTransitionTime": since,
		}}},
	}}
}

var applied = metav1.ApplyOptions{FieldManager: manager, Force: true}
