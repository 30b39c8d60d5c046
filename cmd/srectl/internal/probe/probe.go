// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package probe is `srectl probe`: it checks whether a collector is healthy.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/exit"
	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
)

// healthVariable has the address of the health check in the built-in configs.
const healthVariable = "OTELCOL_SRE_HEALTH"

// NewCommand is `srectl probe`, the health check of container images without a shell.
func NewCommand() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "probe [URL]",
		Short: "Check whether a collector is healthy",
		Long: `probe queries the collector's health check, at http://localhost:13133/ or at the address in ` + healthVariable + `, the
collector's own setting.

It exits 0 if the collector is healthy, 1 if it is not, 2 if it does not answer.`,
		Example: "  srectl probe\n  srectl probe http://otelcol-sre-gateway:13133/",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if timeout <= 0 {
				return fmt.Errorf("--timeout is %v: must be above 0", timeout)
			}
			var given string
			if len(args) == 1 {
				given = args[0]
			}
			address, err := healthURL(given, os.Getenv(healthVariable))
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return probe(ctx, cmd.OutOrStdout(), address)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 3*time.Second, "how long to wait for the answer")
	return cmd
}

// healthURL is where to ask: the URL or host:port that was given, or the address that the collector listens on.
func healthURL(given, listens string) (*url.URL, error) {
	from, text := "URL", given
	if given == "" {
		from, text = healthVariable, listens
	}
	if text == "" {
		text = "localhost:13133"
	}
	full := text
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("%s %q is not an address: write one such as http://localhost:13133/", from, terminal.Printable(text, terminal.MaxLabel))
	}
	if u.Path == "" {
		u.Path = "/"
	}
	// ":13133" and "0.0.0.0:13133" listen on every address, so the check uses localhost.
	if port := u.Port(); port != "" && (u.Hostname() == "" || net.ParseIP(u.Hostname()).IsUnspecified()) {
		u.Host = net.JoinHostPort("localhost", port)
	}
	return u, nil
}

// probe prints the collector's health in a line.
func probe(ctx context.Context, out io.Writer, address *url.URL) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), http.NoBody)
	if err != nil {
		return err
	}
	// The answer of a proxy or a redirect would be that of another server.
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		if asked, ok := errors.AsType[*url.Error](err); ok {
			err = asked.Err // which does not repeat the URL, that may have a password
		}
		return fmt.Errorf("%s does not answer: %s; check that the collector runs and has the health_check extension",
			address.Redacted(), terminal.Printable(err.Error(), terminal.MaxMessage))
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		_, _ = fmt.Fprintf(out, "not healthy: %s answers HTTP status %d\n", address.Redacted(), response.StatusCode)
		return exit.ErrNotOK
	}
	_, err = fmt.Fprintln(out, "healthy")
	return err
}
