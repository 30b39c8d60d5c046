// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"

	"go.opentelemetry.io/collector/client"
)

// sender is a source that has shown that it knows its secret. Components ask for it as for what an authentication extension says of a client.
type sender string

// GetAttribute is [client.AuthData]'s: the name of the source is its subject.
func (s sender) GetAttribute(name string) any {
	if name == "subject" {
		return "webhook/" + string(s)
	}
	return nil
}

// GetAttributeNames is [client.AuthData]'s.
func (sender) GetAttributeNames() []string { return []string{"subject"} }

// authenticated says of a request that it is the source's, if that has a secret.
func (s Source) authenticated(ctx context.Context, of string) context.Context {
	if s.Secret == "" {
		return ctx // auth has said who it is
	}
	info := client.FromContext(ctx)
	info.Auth = sender(of)
	return client.NewContext(ctx, info)
}

// equal compares in a time that says nothing of either.
func equal(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// signed reports whether the signature, in hexadecimal, is the body's (RFC 2104 with SHA-256).
func signed(signature string, body []byte, secret string) bool {
	given, err := hex.DecodeString(signature)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hmac.Equal(given, mac.Sum(nil))
}
