// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mark

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"strings"
)

const (
	protocolGRPC = "grpc"
	protocolHTTP = "http/protobuf"
	logsPath     = "/v1/logs"
)

// A target is the destination of events, from the standard variables of OTLP exporters.
type target struct {
	protocol string
	url      *url.URL
	headers  [][2]string
	tls      *tls.Config
}

// newTarget reads the variables. The flag overrides the endpoint.
func newTarget(endpoint string, env func(string) string) (*target, error) {
	get := func(name string) (key, value string) {
		key = "OTEL_EXPORTER_OTLP_LOGS_" + name
		if env(key) == "" {
			key = "OTEL_EXPORTER_OTLP_" + name
		}
		return key, env(key)
	}
	key, value := get("ENDPOINT")
	whole := key == "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT" // names the path too
	if endpoint != "" {
		key, value, whole = "--endpoint", endpoint, false
	}
	protocolKey, protocol := get("PROTOCOL")
	u, err := parseEndpoint(key, value, protocol)
	if err != nil {
		return nil, err
	}
	if protocol == "" {
		protocol = protocolHTTP // the specification's default
		if u.Port() == "4317" {
			protocol = protocolGRPC
		}
	}
	switch protocol {
	case protocolGRPC:
	case protocolHTTP:
		if !whole && !strings.HasSuffix(u.Path, logsPath) {
			u.Path = strings.TrimSuffix(u.Path, "/") + logsPath
		}
	default:
		return nil, fmt.Errorf("%s is %.60q: must be %s or %s", protocolKey, protocol, protocolGRPC, protocolHTTP)
	}
	t := &target{protocol: protocol, url: u}
	if t.headers, err = parseHeaders(get("HEADERS")); err != nil {
		return nil, err
	}
	if u.Scheme == "https" {
		t.tls, err = tlsConfig(get)
	}
	return t, err
}

// parseEndpoint never prints an invalid value: it may contain a password.
func parseEndpoint(key, value, protocol string) (*url.URL, error) {
	if value == "" {
		value = "http://localhost:4318"
		if protocol == protocolGRPC {
			value = "http://localhost:4317"
		}
	}
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%s is not a URL: write it as https://host:port", key)
	case u.User != nil:
		return nil, fmt.Errorf("%s contains a user: put credentials into OTEL_EXPORTER_OTLP_HEADERS", key)
	}
	return u, nil
}

// parseHeaders reads name=value,name=value, the values percent-encoded. It shows none of them.
func parseHeaders(key, text string) (headers [][2]string, err error) {
	for i, pair := range strings.Split(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, encoded, ok := strings.Cut(pair, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		value, err := url.PathUnescape(strings.TrimSpace(encoded))
		if !ok || err != nil || !isHeaderName(name) || strings.ContainsFunc(value, isControl) {
			return nil, fmt.Errorf("%s: header %d cannot be read: write name=value, the value percent-encoded", key, i+1)
		}
		headers = append(headers, [2]string{name, value})
	}
	return headers, nil
}

func isHeaderName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// tlsConfig trusts the system's authorities, or those of the certificate file.
func tlsConfig(get func(string) (key, value string)) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if key, file := get("CERTIFICATE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: %s has no certificate: must be PEM", key, file)
		}
	}
	certificateKey, certificate := get("CLIENT_CERTIFICATE")
	privateKey, private := get("CLIENT_KEY")
	if certificate == "" && private == "" {
		return config, nil
	}
	if certificate == "" || private == "" {
		return nil, fmt.Errorf("%s and %s must be set together", certificateKey, privateKey)
	}
	pair, err := tls.LoadX509KeyPair(certificate, private)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot be read: %w", certificateKey, err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}
