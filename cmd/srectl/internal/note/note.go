// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package note is `srectl note`: it adds a note to an incident.
package note

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/collector"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/incident/book"
)

// NewCommand is `srectl note`.
func NewCommand() *cobra.Command {
	var address, author string
	cmd := &cobra.Command{
		Use:   "note INCIDENT TEXT",
		Short: "Add a note to an incident",
		Long: `note adds what you saw or did to the timeline of an incident: the page, srectl postmortem and the tools of assistants have it from then on.

INCIDENT is the ID of one, or the address of its page. The status page takes notes where it has authentication, or only this machine can reach it.
It exits 1 if there is no such incident, and 2 if the note is not kept.`,
		Example: `  srectl note 20261121-030200-0a1b2c3d "rolled back to 1.4.1, errors go down"
  srectl note https://sre.example.com/incidents/20261121-030200-0a1b2c3d "the bank is down, they know" --author Ada`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, base := collector.Incident(args[0])
			if base != "" && !cmd.Flags().Changed("url") {
				address = base
			}
			page, err := collector.NewPage("--url", address)
			if err != nil {
				return err
			}
			if author == "" {
				who, err := user.Current()
				if err != nil {
					return errors.New("the name of the user is not known: set --author")
				}
				author = cmp.Or(who.Username, who.Name)
			}
			var kept book.Note
			_, err = page.Send(cmd.Context(), "incidents/"+url.PathEscape(id)+"/notes", url.Values{"author": {author}, "text": {args[1]}}, &kept)
			if errors.Is(err, collector.ErrNotFound) {
				cmd.PrintErrln(terminal.Printable(err.Error(), 2*terminal.MaxMessage))
				return exit.ErrNotOK
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s  %s: %s\n", kept.At.UTC().Format("2006-01-02 15:04:05"), terminal.Printable(kept.Author, 2*book.MaxAuthor), terminal.Printable(kept.Text, book.MaxNote))
			return err
		},
	}
	cmd.Flags().StringVar(&address, "url", collector.DefaultPage, "the collector's status page")
	cmd.Flags().StringVar(&author, "author", "", "who writes (default: the user)")
	return cmd
}
