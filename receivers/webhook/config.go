// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"

	"github.com/otelcol-sre/otelcol-sre/internal/webserver"
)

// Config is the configuration of the webhook receiver.
type Config struct {
	confighttp.ServerConfig `mapstructure:",squash"`
	webserver.Keys          `mapstructure:",squash"`
	// Sources are those that may send, by name. Each has the path of its name.
	Sources map[string]Source `mapstructure:"sources"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// A Source is somebody that sends webhooks, and how to know that a webhook is theirs.
type Source struct {
	// Secret is what both know.
	Secret configopaque.String `mapstructure:"secret"`
	// SignatureHeader has the HMAC of the body with the secret: SHA-256, in hexadecimal, perhaps after sha256=.
	SignatureHeader string `mapstructure:"signature_header"`
	// TokenHeader has the secret itself, perhaps after Bearer.
	TokenHeader string `mapstructure:"token_header"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// known are the headers of sources that can be left out.
var known = map[string]Source{
	"github":       {SignatureHeader: "X-Hub-Signature-256"},
	"gitlab":       {TokenHeader: "X-Gitlab-Token"}, //nolint:gosec // the name of a header
	"launchdarkly": {SignatureHeader: "X-LD-Signature"},
}

// maxBody bounds a body if nothing else is set, in bytes. GitHub's are the longest that are read; most have 10 to 30 kB.
const maxBody = 1 << 20

func createDefaultConfig() component.Config {
	server := webserver.NewDefaultServerConfig("localhost:8687")
	server.MaxRequestBodySize = maxBody
	return &Config{ServerConfig: server, Keys: webserver.NewDefaultKeys()}
}

// name is a name that is a path as it is written.
var name = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// Validate reports every invalid key with its fix.
func (c *Config) Validate() error {
	errs := []error{c.Keys.Validate()}
	if c.NetAddr.Endpoint == "" {
		errs = append(errs, errors.New("endpoint: is empty; set the host:port that webhooks are sent to"))
	}
	if c.MaxRequestBodySize <= 0 {
		errs = append(errs, fmt.Errorf("max_request_body_size: is %d; set how many bytes a webhook may have, such as 1048576", c.MaxRequestBodySize))
	}
	if len(c.Sources) == 0 {
		errs = append(errs, errors.New("sources: is empty; name those that may send, such as github: {secret: \"${env:GITHUB_WEBHOOK_SECRET}\"}"))
	}
	for _, of := range slices.Sorted(maps.Keys(c.Sources)) {
		s, key := c.Sources[of], fmt.Sprintf("sources::%.64s", of)
		switch {
		case !name.MatchString(of):
			errs = append(errs, fmt.Errorf("sources: %.64q cannot be a path; use up to 63 small letters, digits, - and _", of))
		case s.SignatureHeader != "" && s.TokenHeader != "":
			errs = append(errs, fmt.Errorf("%s: has signature_header and token_header; keep one of them", key))
		case s.Secret == "" && !c.Auth.HasValue():
			errs = append(errs, fmt.Errorf("%s::secret: is empty, so anybody could send; set the secret that the sender has, or auth for all of them", key))
		case s.Secret == "" && (s.SignatureHeader != "" || s.TokenHeader != ""):
			errs = append(errs, fmt.Errorf("%s::secret: is empty, so its header cannot be checked; set the secret, or remove the header", key))
		}
	}
	return errors.Join(errs...)
}

// header is the source with the header that is checked.
func (s Source) header(of string) Source {
	if s.SignatureHeader == "" && s.TokenHeader == "" {
		s.SignatureHeader, s.TokenHeader = known[of].SignatureHeader, known[of].TokenHeader
	}
	if s.SignatureHeader == "" && s.TokenHeader == "" {
		s.TokenHeader = "Authorization"
	}
	return s
}

// sent reports whether the source, whose header is known, sent the body.
func (s Source) sent(header http.Header, body []byte) bool {
	if s.Secret == "" {
		return true
	}
	if s.TokenHeader != "" {
		return equal(strings.TrimPrefix(header.Get(s.TokenHeader), "Bearer "), string(s.Secret))
	}
	return signed(strings.TrimPrefix(header.Get(s.SignatureHeader), "sha256="), body, string(s.Secret))
}
