// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/runbooks"
)

// linksBelow are what all runbooks link to below a URL, each once, by the page that has it first.
func linksBelow(folder, base string) (links, pages []string, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*", "*.md"))
	if err != nil {
		return nil, nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, err
		}
		all, _ := runbooks.Links(text)
		for _, link := range all {
			if strings.HasPrefix(link.To, base) && !slices.Contains(links, link.To) {
				page, _ := filepath.Rel(folder, file)
				links, pages = append(links, link.To), append(pages, page)
			}
		}
	}
	return links, pages, nil
}

// followLinks follows every link of runbooks that are made for these backends.
func (s *scene) followLinks(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, filepath.Join("bin", "srectl"), "generate", "runbooks", "--catalog", "examples/catalog", "--out", s.folder,
		"--jaeger-url", s.jaeger, "--prometheus-url", s.metrics.victoriaMetrics).CombinedOutput()
	if err != nil {
		return fmt.Errorf("srectl generate runbooks: %w: %s", err, out)
	}
	pages := filepath.Join(s.folder, "runbooks")
	return errors.Join(s.followJaeger(ctx, pages), s.followGraphs(ctx, pages))
}

// followJaeger asks Jaeger what its search page asks when a link is followed.
func (s *scene) followJaeger(ctx context.Context, folder string) error {
	links, pages, err := linksBelow(folder, s.jaeger+"/search?")
	if err != nil {
		return err
	}
	if err := eventually(ctx, time.Minute, "every link into Jaeger finds traces", func() error {
		for i, link := range links {
			_, query, _ := strings.Cut(link, "?")
			var found struct{ Data []json.RawMessage }
			if err := ask(ctx, s.jaeger+"/api/traces?"+query, &found); err != nil {
				return err
			}
			if len(found.Data) == 0 {
				return fmt.Errorf("nothing for a link of %s: %s", pages[i], link)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	said("  links", len(links))
	return nil
}

// followGraphs opens each query's page in VictoriaMetrics; askAll has asked the queries.
func (s *scene) followGraphs(ctx context.Context, folder string) error {
	links, _, err := linksBelow(folder, s.metrics.victoriaMetrics+"/")
	if err != nil {
		return err
	}
	for _, link := range links {
		if _, err := get(ctx, link); err != nil {
			return err
		}
	}
	said("every link into Prometheus opens a page of VictoriaMetrics", len(links))
	return nil
}

// findInPanels asks Jaeger what the dashboards' panels ask it, for the one request.
func (s *scene) findInPanels(ctx context.Context) error {
	files, err := filepath.Glob("dashboards/examples/*.json")
	if err != nil {
		return err
	}
	asked := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var dashboard struct{ Panels []jaegerPanel }
		if err := json.Unmarshal(text, &dashboard); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		for _, target := range jaegerTargets(dashboard.Panels) {
			target.Service = strings.ReplaceAll(target.Service, "$service", "frontend")
			asked[target.Service+"?"+strings.ReplaceAll(target.Tags, "${correlation_id}", requestID)] = true
		}
	}
	for _, question := range slices.Sorted(maps.Keys(asked)) {
		service, tags, _ := strings.Cut(question, "?")
		key, value, _ := strings.Cut(tags, "=")
		tagged, err := json.Marshal(map[string]string{key: value})
		if err != nil {
			return err
		}
		query := url.Values{"service": {service}, "tags": {string(tagged)}, "lookback": {"1h"}, "limit": {"20"}}
		if err := eventually(ctx, time.Minute, "the panel of Jaeger finds the request in "+service, func() error {
			var found struct{ Data []json.RawMessage }
			if err := ask(ctx, s.jaeger+"/api/traces?"+query.Encode(), &found); err != nil {
				return err
			}
			if len(found.Data) == 0 {
				return fmt.Errorf("nothing for %s", query.Encode())
			}
			return nil
		}); err != nil {
			return err
		}
	}
	if len(asked) < 5 {
		return fmt.Errorf("only %d of the panels ask Jaeger: %v", len(asked), asked)
	}
	return nil
}

type jaegerPanel struct {
	Targets []jaegerTarget
	Panels  []jaegerPanel
}

type jaegerTarget struct {
	Service, Tags string
	Datasource    struct{ Type string }
}

func jaegerTargets(panels []jaegerPanel) (all []jaegerTarget) {
	for _, p := range panels {
		for _, t := range p.Targets {
			if t.Datasource.Type == "jaeger" {
				all = append(all, t)
			}
		}
		all = append(all, jaegerTargets(p.Panels)...)
	}
	return all
}
