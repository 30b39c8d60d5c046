// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package mtls

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
	"google.golang.org/grpc/credentials"
)

// counted are the credentials of a server that counts its handshakes.
type counted struct {
	credentials.TransportCredentials
	mtls *mtls
}

// ServerHandshake implements [credentials.TransportCredentials].
func (c counted) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secure, info, err := c.TransportCredentials.ServerHandshake(conn)
	reason := outcome(err)
	c.mtls.telemetry.ExtensionMtlsHandshakes.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", reason)))
	if err != nil && !errors.Is(err, io.EOF) { // a load balancer that looks whether somebody listens
		c.mtls.logger.Warn("A client is refused", zap.String("outcome", reason), zap.Stringer("client", conn.RemoteAddr()),
			zap.String("error", fmt.Sprintf("%.200s", err))) // it may quote the certificate
	}
	return secure, info, err
}

// Clone implements [credentials.TransportCredentials].
func (c counted) Clone() credentials.TransportCredentials {
	return counted{TransportCredentials: c.TransportCredentials.Clone(), mtls: c.mtls}
}

// outcome says in a word why a handshake failed. It is one of a few whatever clients do.
func outcome(err error) string {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case err == nil:
		return "accepted"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "expired"
	case errors.As(err, &unknown):
		return "unknown_authority"
	case strings.Contains(err.Error(), "client didn't provide a certificate"): // crypto/tls has no type for it
		return "no_certificate"
	default:
		return "other"
	}
}
