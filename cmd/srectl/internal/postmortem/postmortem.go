// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package postmortem is `srectl postmortem`: the draft of a blameless post-mortem of an incident.
package postmortem

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// NewCommand is `srectl postmortem`.
func NewCommand() *cobra.Command {
	var address, out string
	cmd := &cobra.Command{
		Use:   "postmortem ID",
		Short: "Write the draft of a post-mortem of an incident",
		Long: `postmortem reads the page of an incident, and writes the draft of a blameless post-mortem in Markdown: the impact in events and budget, how long detection and
recovery took, the timeline, changes that may have contributed, failed requests, queries to see it again, and questions to people. It says what was
measured. Why it happened, and what to do, is for people to write.

ID is that of the incident, or the address of its page. It exits 1 if there is no such incident, and 2 if the status page does not answer or the file exists.`,
		Example: `  srectl postmortem 20261121-030200-0a1b2c3d
  srectl postmortem https://sre.example.com/incidents/20261121-030200-0a1b2c3d --out postmortem.md`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, base := collector.Incident(args[0])
			if base != "" && !cmd.Flags().Changed("url") {
				address = base
			}
			page, err := collector.NewPage("--url", address)
			if err != nil {
				return err
			}
			var of incident
			problem, err := page.Get(cmd.Context(), "incidents/"+url.PathEscape(id), &of)
			if errors.Is(err, collector.ErrNotFound) {
				cmd.PrintErrln(terminal.Printable(err.Error(), 2*terminal.MaxMessage))
				return exit.ErrNotOK
			}
			if err != nil {
				return err
			}
			if problem != "" {
				cmd.PrintErrln(problem)
			}
			return save(cmd, out, draft(&of, strings.TrimSuffix(page.URL.Redacted(), "/")))
		},
	}
	cmd.Flags().StringVar(&address, "url", collector.DefaultPage, "the collector's status page")
	cmd.Flags().StringVar(&out, "out", "", "file to write; it must not exist (default: the standard output)")
	return cmd
}

// save writes the draft. People edit it, so it replaces no file.
func save(cmd *cobra.Command, out, text string) error {
	if out == "" {
		_, err := fmt.Fprint(cmd.OutOrStdout(), text)
		return err
	}
	file, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("--out %s exists: name another file", out)
	}
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
