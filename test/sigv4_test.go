// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

var signature = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/eu-west-1/(xray|logs|monitoring)/aws4_request, SignedHeaders=(\S+), Signature=[0-9a-f]{64}$`)

// signedForAWS reports whether the request is signed with the right key for the service whose endpoint it is for, by signing it
// anew as AWS does: the headers that it names, its path and its body.
func signedForAWS(r *http.Request, body []byte) bool {
	parts := signature.FindStringSubmatch(r.Header.Get("Authorization"))
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if parts == nil || err != nil || time.Since(at).Abs() > 5*time.Minute {
		return false
	}
	service := parts[1]
	if !strings.HasPrefix(r.URL.Path, "/"+service+"/") || service == "logs" && r.Header.Get("X-Aws-Log-Group") != "shop" {
		return false
	}
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return false
	}
	for name := range strings.SplitSeq(parts[2], ";") {
		if values := r.Header.Values(name); len(values) > 0 {
			again.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	hash := sha256.Sum256(body)
	key := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: rightToken}
	if err := v4.NewSigner().SignHTTP(r.Context(), key, again, hex.EncodeToString(hash[:]), service, "eu-west-1", at); err != nil {
		return false
	}
	return again.Header.Get("Authorization") == r.Header.Get("Authorization")
}
