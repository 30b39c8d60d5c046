// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/otelcol-sre/otelcol-sre/alerts"
	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/rollouts"
)

func (g *generation) gatesFlags(flags *pflag.FlagSet) {
	g.gates.Gate = "http://otelcol-sre:8686"
	flags.StringVar(&g.gates.Image, "srectl-image", "example.com/otelcol-sre:0.1.0", "image with srectl, for rollouts")
	flags.StringVar(&g.gates.Secret, "gate-secret", "", "Secret in the service's namespace whose key authorization is the header that the status page wants of Argo Rollouts")
	const http = 80
	flags.IntVar(&g.gates.Port, "service-port", http, "port of the services, for Flagger")
}

func (g *generation) checkGates() error {
	switch o := &g.gates; {
	case o.Gate == "":
		return errors.New("--gate-url is empty: remove it, or give an address")
	case o.Image == "" || strings.ContainsAny(o.Image, " \t\n"):
		return fmt.Errorf("--srectl-image %.100q is not an image: write one such as example.com/otelcol-sre:0.1.0", o.Image)
	case o.Secret != "" && strings.Trim(o.Secret, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "":
		return fmt.Errorf("--gate-secret %.100q is not the name of a Secret", o.Secret)
	case o.Port < 1 || o.Port > 65535:
		return fmt.Errorf("--service-port is %d: must be 1 to 65535", o.Port)
	}
	g.gates.Prometheus = g.pages.Prometheus
	return nil
}

func (g *generation) rollouts(services []*catalog.Service, _ *account) (work, error) {
	kept := map[string]bool{}
	for _, s := range services {
		kept[s.Slug()] = true
	}
	return work{
		each: func(f alerts.File, r *account) error {
			files, err := rollouts.Generate(f.Service, g.gates)
			for _, file := range files {
				content := func(w io.Writer) error {
					_, err := w.Write(file.Text)
					return err
				}
				if err := g.write(filepath.Join(rollouts.Folder, f.Service.Slug()), file.Name, content, r); err != nil {
					return err
				}
			}
			return err
		},
		finish: func(r *account) error {
			entries, err := os.ReadDir(filepath.Join(g.out, rollouts.Folder))
			if errors.Is(err, fs.ErrNotExist) {
				r.tell("no service has an SLO that the collector counts, so there is no rollout to write")
				return nil
			}
			for _, entry := range entries {
				if entry.IsDir() && !kept[entry.Name()] {
					err = errors.Join(err, g.retire(filepath.Join(rollouts.Folder, entry.Name()), "", nil, r))
				}
			}
			return err
		},
	}, nil
}
