// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"strconv"

	"errors"
	"fmt"
	"io"

	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/semconv"
)

const (
	// maxBody is how much of a body is read and matched.
	maxBody = 64 << 10
	// maxHeaders is how much of the headers of an answer is read.
	maxHeaders = 64 << 10
	// maxSecret is the length of a file with a secret.
	maxSecret = 16 << 10
)

func (r *run) http(ctx context.Context, check *catalog.HTTPCheck) {
	request, err := r.request(ctx, check)
	if err != nil {
		return // it has said why
	}
	transport := &http.Transport{
		DialContext: r.dial, TLSClientConfig: r.prober.tls.Clone(), DisableKeepAlives: true, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: maxHeaders,
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		r.broken(ctx, err)
		return
	}
	defer response.Body.Close()
	r.Status = response.StatusCode
	if !slices.Contains(check.Status, response.StatusCode) {
		r.fail(StepStatus, "it is %d, not %s", response.StatusCode, anyOf(check.Status))
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		r.begin(StepBody)
		r.broken(ctx, err)
		return
	}
	if check.Pattern != "" {
		if pattern, err := regexp.Compile(check.Pattern); err != nil || !pattern.Match(body) {
			r.fail(StepBody, "it does not match the pattern")
		}
	}
	if took := time.Since(r.Start); check.Within > 0 && took > check.Within {
		r.fail(StepDuration, "it took %v, more than %v", took.Round(time.Millisecond), check.Within)
	}
	if response.TLS != nil && len(response.TLS.PeerCertificates) > 0 {
		if left := time.Until(response.TLS.PeerCertificates[0].NotAfter); left < check.CertificateFor {
			r.fail(StepCertificate, "it is valid for %v still, less than %v", left.Round(time.Minute), check.CertificateFor)
		}
	}
}

// anyOf is 200, or 200 or 204.
func anyOf(status []int) string {
	texts := make([]string, len(status))
	for i, one := range status {
		texts[i] = strconv.Itoa(one)
	}
	return strings.Join(texts, " or ")
}

// request is that of the check, which notes its steps.
func (r *run) request(ctx context.Context, check *catalog.HTTPCheck) (*http.Request, error) {
	address, err := url.Parse(check.URL)
	if err != nil {
		r.fail(StepRequest, "the address is none")
		return nil, err
	}
	r.Host = address.Hostname()
	shown := url.URL{Scheme: address.Scheme, Host: address.Host, Path: address.Path}
	r.URL = shown.String()
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, r.trace()), check.Method, check.URL, strings.NewReader(check.Body))
	if err != nil {
		r.fail(StepRequest, "%v", err)
		return nil, err
	}
	request.Header.Set("User-Agent", r.agent())
	request.Header.Set("Traceparent", r.question.traceparent())
	for name, value := range check.Headers {
		secret, err := r.prober.fill(value)
		if err != nil {
			r.fail(StepSecret, "%v", err)
			return nil, err
		}
		if strings.EqualFold(name, "host") {
			request.Host = secret
			continue
		}
		request.Header.Set(name, secret)
	}
	return request, nil
}

// agent says that nobody uses the service.
func (r *run) agent() string {
	return semconv.CheckAgent + "1 (" + r.question.Check.Name + ")"
}

// trace notes the steps.
func (r *run) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:             func(httptrace.DNSStartInfo) { r.begin(StepResolve) },
		ConnectStart:         func(string, string) { r.begin(StepConnect) },
		TLSHandshakeStart:    func() { r.begin(StepTLS) },
		GotConn:              func(httptrace.GotConnInfo) { r.begin(StepRequest) },
		WroteRequest:         func(httptrace.WroteRequestInfo) { r.begin(StepResponse) },
		GotFirstResponseByte: func() { r.begin(StepBody) },
	}
}

// fill puts the secrets in the place of their references. Errors do not show any.
func (p *Prober) fill(value string) (filled string, err error) {
	filled = catalog.Secrets.ReplaceAllStringFunc(value, func(reference string) string {
		secret, failed := p.secret(catalog.Secrets.FindStringSubmatch(reference))
		err = errors.Join(err, failed)
		return secret
	})
	return filled, err
}

func (p *Prober) secret(reference []string) (string, error) {
	if reference[1] != "" {
		value, ok := os.LookupEnv(reference[2])
		if !ok {
			return "", fmt.Errorf("the variable %s is not set", reference[2])
		}
		return value, nil
	}
	if p.secrets == "" {
		return "", fmt.Errorf("the secret file %s: secrets_directory is not set", reference[4])
	}
	file, err := os.OpenInRoot(p.secrets, reference[4])
	if err != nil {
		return "", fmt.Errorf("the secret file %s cannot be opened", reference[4])
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSecret))
	if err != nil {
		return "", fmt.Errorf("the secret file %s cannot be read", reference[4])
	}
	return strings.TrimSpace(string(text)), nil
}
