// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/otelcol-sre/otelcol-sre/cmd/srectl/internal/terminal"
	"github.com/otelcol-sre/otelcol-sre/internal/doctor"
)

// A port is one of the collector's, and what answers there.
type port struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Answer  string `json:"answer"`
	Open    bool   `json:"open"`

	// path is asked for over HTTP; without one, only whether a connection is taken.
	path     string
	variable string
}

const ownPort = "own metrics"

// portsOf are those of the collector whose status page it is: on the same host, at the built-in numbers or those that the variables of the
// built-in configs say.
func portsOf(page *url.URL) []port {
	ports := []port{
		{Name: "OTLP over gRPC", Address: "4317", variable: "OTELCOL_SRE_OTLP_GRPC"},
		{Name: "OTLP over HTTP", Address: "4318", variable: "OTELCOL_SRE_OTLP_HTTP"},
		{Name: "status page", Address: page.Host, path: "/openapi.json"},
		{Name: "Prometheus API", Address: "9090", path: "/-/ready", variable: "OTELCOL_SRE_PROMETHEUS_API"},
		{Name: "metrics of SLOs", Address: "9464", path: "/metrics", variable: "OTELCOL_SRE_PROMETHEUS"},
		{Name: "health", Address: "13133", path: "/", variable: "OTELCOL_SRE_HEALTH"},
		{Name: ownPort, Address: "8888", path: "/metrics", variable: "OTELCOL_SRE_TELEMETRY_PORT"},
	}
	for i := range ports {
		p := &ports[i]
		if p.variable == "" {
			if page.Port() == "" {
				p.Address = net.JoinHostPort(page.Hostname(), map[string]string{"http": "80", "https": "443"}[page.Scheme])
			}
			continue
		}
		number := p.Address
		if value := os.Getenv(p.variable); value != "" {
			number = value
			if _, after, err := net.SplitHostPort(value); err == nil {
				number = after
			}
		}
		p.Address = net.JoinHostPort(page.Hostname(), number)
	}
	return ports
}

// address is the base URL of a port.
func address(ports []port, name string) string {
	for _, p := range ports {
		if p.Name == name {
			return "http://" + p.Address
		}
	}
	return ""
}

// probe asks all ports at once.
func probe(ctx context.Context, ports []port) []port {
	const patience = 3 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var asked sync.WaitGroup
	for i := range ports {
		p := &ports[i]
		asked.Go(func() { p.Answer, p.Open = p.ask(ctx) })
	}
	asked.Wait()
	return ports
}

func (p *port) ask(ctx context.Context) (answer string, open bool) {
	if p.path == "" {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.Address)
		if err != nil {
			return why(err), false
		}
		_ = conn.Close()
		return "takes connections", true
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Address+p.path, http.NoBody)
	if err != nil {
		return why(err), false
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return why(err), false
	}
	_ = response.Body.Close()
	return fmt.Sprintf("HTTP status %d", response.StatusCode), true
}

// why is what keeps a port from answering, in few words.
func why(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	default:
		return terminal.Printable(err.Error(), terminal.MaxMessage)
	}
}

// closed are the findings about ports. While telemetry arrives and the page answers, ports that cannot be reached from here are not wrong.
func closed(ports []port, well bool) (findings []doctor.Finding) {
	for _, p := range ports {
		needed := strings.HasPrefix(p.Name, "OTLP") || p.Name == "status page" || p.Name == "health"
		switch {
		case p.Name == "health" && p.Open && p.Answer != "HTTP status 200":
			findings = append(findings, doctor.Finding{Check: doctor.CheckPort, What: fmt.Sprintf("the health check on %s says that the collector is not well (%s)", p.Address, p.Answer),
				Fix: "look at the collector's log for the component that has failed"})
		case !p.Open && needed && !well:
			fix := "start the collector, or set --url to where it runs"
			if p.variable != "" {
				fix += "; if the port has another number, set " + p.variable + " for this command, too"
			}
			findings = append(findings, doctor.Finding{Check: doctor.CheckPort, What: fmt.Sprintf("%s (%s) does not answer: %s", terminal.Label(p.Address), p.Name, p.Answer), Fix: fix})
		}
	}
	return findings
}

func portRows(ports []port) [][]string {
	rows := [][]string{{"PORT", "FOR", "ANSWER"}}
	for _, p := range ports {
		rows = append(rows, []string{terminal.Label(p.Address), p.Name, p.Answer})
	}
	return rows
}
