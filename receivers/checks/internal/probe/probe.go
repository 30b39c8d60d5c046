// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

// Package probe makes one synthetic check: it asks a service, as the catalog says, and says in which step that failed. It calls nothing that the catalog
// does not name: it follows no redirects, uses no proxy, and refuses link-local addresses, where clouds have credentials.
package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/deployment"
	"github.com/otelcol-sre/otelcol-sre/internal/printable"
)

// The steps of a check. Each check takes some of them, in this order.
const (
	StepSecret      = "secret"      // a header's secret is missing
	StepResolve     = "resolve"     // the name of the host
	StepConnect     = "connect"     // to its address
	StepTLS         = "tls"         // the handshake
	StepRequest     = "request"     // writing it
	StepResponse    = "response"    // waiting for it
	StepStatus      = "status"      // it is another one
	StepBody        = "body"        // it does not match
	StepAddresses   = "addresses"   // they are others
	StepDuration    = "duration"    // it took too long
	StepCertificate = "certificate" // it ends soon
)

// A Question is one run of a check.
type Question struct {
	Check   *catalog.Check
	Service deployment.Service
	TraceID pcommon.TraceID
	SpanID  pcommon.SpanID
}

// traceparent is the span of the run, as W3C has it.
func (q *Question) traceparent() string {
	return "00-" + q.TraceID.String() + "-" + q.SpanID.String() + "-01"
}

// A Result is how a run went.
type Result struct {
	// Step is the one in which it failed, for the reason Why; empty if it passed.
	Step, Why  string
	Start, End time.Time
	// Steps are those that were taken on the network.
	Steps []Step
	// Host and URL are what was asked; the URL has no query.
	Host, URL string
	// Status is that of HTTP, 0 without an answer.
	Status int
}

// A Step is when a part of a run began.
type Step struct {
	Name string
	At   time.Time
}

// A Prober makes checks. It can be used by several goroutines.
type Prober struct {
	dialer   *net.Dialer
	resolver *net.Resolver
	tls      *tls.Config
	secrets  string // the folder
}

// New makes a prober with a folder of secrets and a file of authorities; both may be empty.
func New(secrets, authorities string) (*Prober, error) {
	p := &Prober{resolver: net.DefaultResolver, secrets: secrets, tls: &tls.Config{MinVersion: tls.VersionTLS12}}
	p.dialer = &net.Dialer{Control: refuseLocal}
	if authorities == "" {
		return p, nil
	}
	pem, err := os.ReadFile(authorities)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	p.tls.RootCAs = x509.NewCertPool()
	if !p.tls.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_file: %s has no certificate; it must be PEM", authorities)
	}
	return p, nil
}

var errLocal = errors.New("the address is link-local or of no single host; checks do not call it")

// refuseLocal looks at the address after the name was resolved, so that no name can hide one.
func refuseLocal(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if ip := at.Addr().Unmap(); ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() {
		return errLocal
	}
	return nil
}

// Probe makes the check, until the context ends.
func (p *Prober) Probe(ctx context.Context, q *Question) Result {
	r := &run{Result: Result{Start: time.Now()}, prober: p, question: q}
	switch check := q.Check; {
	case check.HTTP != nil:
		r.http(ctx, check.HTTP)
	case check.TCP != nil:
		r.tcp(ctx, check.TCP)
	case check.DNS != nil:
		r.dns(ctx, check.DNS)
	case check.GRPC != nil:
		r.grpc(ctx, check.GRPC)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.End = time.Now()
	result := r.Result
	result.Steps = slices.Clone(r.Steps) // an attempt at another address may still be under way
	return result
}

// A run is a check that is made.
type run struct {
	mu sync.Mutex // guards Steps: addresses are tried at once
	Result
	prober   *Prober
	question *Question
}

// begin notes that a step begins.
func (r *run) begin(step string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.Steps) < maxSteps {
		r.Steps = append(r.Steps, Step{step, time.Now()})
	}
}

// maxSteps bounds them: a host may have many addresses.
const maxSteps = 32

// last is the step that began last.
func (r *run) last() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.Steps) == 0 {
		return StepConnect
	}
	return r.Steps[len(r.Steps)-1].Name
}

const maxWhy = 200

// fail says why a step failed. The first failure counts.
func (r *run) fail(step, format string, args ...any) {
	if r.Step == "" {
		r.Step, r.Why = step, printable.Text(fmt.Sprintf(format, args...), maxWhy)
	}
}

// broken says that the step that began last failed.
func (r *run) broken(ctx context.Context, err error) {
	if of, ok := errors.AsType[*url.Error](err); ok { // which begins with the address, query included
		err = of.Err
	}
	step := r.last()
	var unresolved *net.DNSError
	var failed *net.OpError
	switch {
	case errors.As(err, &unresolved):
		step, err = StepResolve, errors.New(unresolved.Err)
	case errors.As(err, &failed) && failed.Op == "dial":
		step, err = StepConnect, failed.Err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		r.fail(step, "no end within the timeout of %v", r.question.Check.Timeout)
		return
	}
	r.fail(step, "%v", err)
}

// dial connects.
func (r *run) dial(ctx context.Context, network, address string) (net.Conn, error) {
	return r.prober.dialer.DialContext(ctx, network, address)
}

func (r *run) tcp(ctx context.Context, check *catalog.TCPCheck) {
	r.Host = hostOf(check.Address)
	r.begin(StepConnect)
	connection, err := r.dial(ctx, "tcp", check.Address)
	if err != nil {
		r.broken(ctx, err)
		return
	}
	_ = connection.Close() // it was only opened
}

func (r *run) dns(ctx context.Context, check *catalog.DNSCheck) {
	r.Host = check.Name
	r.begin(StepResolve)
	found, err := r.prober.resolver.LookupNetIP(ctx, "ip", check.Name)
	if err != nil {
		r.broken(ctx, err)
		return
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	for _, wanted := range check.Addresses {
		if ip, err := netip.ParseAddr(wanted); err != nil || !slices.Contains(found, ip.Unmap()) {
			r.fail(StepAddresses, "%s is not among the %d addresses", wanted, len(found))
		}
	}
}

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}
