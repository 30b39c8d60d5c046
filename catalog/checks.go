// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// A Check is a request that collectors make again and again, to see that the service works for its users when there are none. Exactly one of HTTP, TCP, DNS
// and GRPC is set.
type Check struct {
	Name string
	// Interval is the time from one run to the next, Timeout how long one may take.
	Interval, Timeout time.Duration
	// Environment is that of what is checked; empty is the service's only one, or else the collector's.
	Environment string
	// From are the locations of the collectors that run it; none is all that run checks.
	From []string
	HTTP *HTTPCheck
	TCP  *TCPCheck
	DNS  *DNSCheck
	GRPC *GRPCCheck
}

// An HTTPCheck is a request and what its answer has to be.
type HTTPCheck struct {
	URL, Method string
	// Headers may have references to secrets: see [Secrets].
	Headers map[string]string
	Body    string
	// Status are the statuses that are right.
	Status []int
	// Pattern is a regular expression that the beginning of the body has to match; empty is none.
	Pattern string
	// Within is how long the answer may take; 0 is as long as the timeout.
	Within time.Duration
	// CertificateFor is for how long the certificate must be valid still.
	CertificateFor time.Duration
}

// A TCPCheck opens a connection.
type TCPCheck struct{ Address string }

// A DNSCheck looks up the addresses of a name.
type DNSCheck struct {
	Name string
	// Addresses have to be among those that are found.
	Addresses []string
}

// A GRPCCheck asks the standard health service.
type GRPCCheck struct {
	Address, Service string
	// TLS encrypts.
	TLS bool
}

const (
	defaultCheckInterval = 30 * time.Second
	defaultCheckTimeout  = 5 * time.Second
	defaultCertificate   = 14 * 24 * time.Hour
	// mostChecks bounds those of a service.
	mostChecks = 50
)

// Kind is http, tcp, dns or grpc.
func (c *Check) Kind() string {
	switch {
	case c.HTTP != nil:
		return "http"
	case c.TCP != nil:
		return "tcp"
	case c.DNS != nil:
		return "dns"
	case c.GRPC != nil:
		return "grpc"
	}
	return ""
}

// Attributes of synthetic telemetry. An SLI whose condition names one of them decides itself what it counts; any other counts users only.
const (
	attributeCheck     = "check."
	attributeSynthetic = "user_agent.synthetic"
)

// Synthetic reports whether the SLI is about checks, or any other synthetic traffic: its conditions name an attribute of it.
func (s *SLI) Synthetic() bool {
	var conditions []string
	switch {
	case s.Spans != nil:
		conditions = []string{s.Spans.Match, s.Spans.Good}
	case s.Availability != nil:
		conditions = []string{s.Availability.Match}
	case s.Latency != nil:
		conditions = []string{s.Latency.Match}
	}
	for _, condition := range conditions {
		if strings.Contains(condition, `"`+attributeCheck) || strings.Contains(condition, `"`+attributeSynthetic) {
			return true
		}
	}
	return false
}

var checksMember = may("checks", "Synthetic checks: requests that collectors with the receiver checks make again and again. Their results are spans, apart from what users do.",
	list(checkShape), func(s *Service) *[]Check { return &s.Checks }, nil)

var checkShape = object([]member[Check]{
	need("name", "The check's name, unique within the service.", sloName, func(c *Check) *string { return &c.Name }),
	may("interval", "The time from one run to the next, 5s to 1h.", duration(between(5*time.Second, time.Hour)), func(c *Check) *time.Duration { return &c.Interval }, defaultCheckInterval),
	may("timeout", "How long a run may take, 100ms to 1m, and at most the interval.", duration(between(100*time.Millisecond, time.Minute)), func(c *Check) *time.Duration { return &c.Timeout }, defaultCheckTimeout),
	may("environment", "The environment of what is checked. Default: the service's only one, or else that of the collector.", line, func(c *Check) *string { return &c.Environment }, ""),
	may("from", "The locations of the collectors that run it. Default: all that run checks.", list(line), func(c *Check) *[]string { return &c.From }, nil),
	may("http", "An HTTP request. Exactly one of http, tcp, dns and grpc.", pointer(httpCheckShape), func(c *Check) **HTTPCheck { return &c.HTTP }, nil),
	may("tcp", "A TCP connection.", pointer(tcpCheckShape), func(c *Check) **TCPCheck { return &c.TCP }, nil),
	may("dns", "A lookup of a name.", pointer(dnsCheckShape), func(c *Check) **DNSCheck { return &c.DNS }, nil),
	may("grpc", "A question to the health service of a gRPC server.", pointer(grpcCheckShape), func(c *Check) **GRPCCheck { return &c.GRPC }, nil),
}, oneKindOfCheck, timeoutWithinInterval).also(schema{"oneOf": []any{
	schema{"required": []any{"http"}}, schema{"required": []any{"tcp"}}, schema{"required": []any{"dns"}}, schema{"required": []any{"grpc"}},
}})

var httpCheckShape = object([]member[HTTPCheck]{
	need("url", "The address, without a password. Redirects are not followed.", checkedAddress, func(h *HTTPCheck) *string { return &h.URL }),
	may("method", "The method.", oneOf(http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodOptions), func(h *HTTPCheck) *string { return &h.Method }, http.MethodGet),
	may("headers", "Headers of the request. A value can have ${env:OTELCOL_SRE_CHECK_NAME}, a variable of the collector with that prefix, and ${file:NAME}, a file in the receiver's folder of secrets.",
		texts(headerName, headerValue), func(h *HTTPCheck) *map[string]string { return &h.Headers }, nil),
	may("body", "The body of the request.", prose, func(h *HTTPCheck) *string { return &h.Body }, ""),
	may("status", "The statuses that are right.", list(count(100, 599)), func(h *HTTPCheck) *[]int { return &h.Status }, []int{http.StatusOK}),
	may("pattern", "A regular expression (RE2) that the first 64 KiB of the body have to match. Default: any body.", bodyPattern, func(h *HTTPCheck) *string { return &h.Pattern }, ""),
	may("within", "How long the whole answer may take. Default: the timeout.", duration(positive), func(h *HTTPCheck) *time.Duration { return &h.Within }, 0),
	may("certificateFor", "For how long the certificate must still be valid, if the address begins with https.", duration(positive), func(h *HTTPCheck) *time.Duration { return &h.CertificateFor }, defaultCertificate),
}, secretsByReference)

var tcpCheckShape = object([]member[TCPCheck]{
	need("address", "HOST:PORT.", hostAndPort, func(t *TCPCheck) *string { return &t.Address }),
})

var dnsCheckShape = object([]member[DNSCheck]{
	need("name", "The name that is looked up.", line, func(d *DNSCheck) *string { return &d.Name }),
	may("addresses", "IP addresses that have to be among those that are found. Default: any.", list(ipAddress), func(d *DNSCheck) *[]string { return &d.Addresses }, nil),
})

var grpcCheckShape = object([]member[GRPCCheck]{
	need("address", "HOST:PORT.", hostAndPort, func(g *GRPCCheck) *string { return &g.Address }),
	may("service", "The service that is asked about. Default: the whole server.", line, func(g *GRPCCheck) *string { return &g.Service }, ""),
	may("tls", "Encrypts the connection.", boolean, func(g *GRPCCheck) *bool { return &g.TLS }, false),
})

// between bounds a duration.
func between(least, most time.Duration) func(time.Duration) (string, string) {
	return func(d time.Duration) (string, string) {
		if d < least || d > most {
			return quote(exactDuration(d)) + " is out of bounds", "write " + exactDuration(least) + " to " + exactDuration(most)
		}
		return "", ""
	}
}

var checkedAddress = text("URL", maxURL, merge(ecma(urlPattern), schema{"format": "uri"}), printable(false), checkURL, func(s string) (string, string) {
	if _, after, _ := strings.Cut(s, "//"); strings.Contains(strings.SplitN(after, "/", 2)[0], "@") {
		return "has a user or a password", "write a header with a reference, such as authorization: Basic ${env:OTELCOL_SRE_CHECK_BASIC}"
	}
	return "", ""
})

var headerName = text("header", 63, nil, printable(false), func(s string) (string, string) {
	if !httpguts.ValidHeaderFieldName(s) {
		return quote(s) + " is not the name of a header", "use letters, digits and -"
	}
	return "", ""
})

var headerValue = text("text", maxText, nil, printable(false), func(s string) (string, string) {
	if !httpguts.ValidHeaderFieldValue(s) {
		return "is not the value of a header", "leave out control characters"
	}
	for _, reference := range Secrets.FindAllString(s, -1) {
		s = strings.Replace(s, reference, "", 1)
	}
	if strings.Contains(s, "${") {
		return "has a reference that is not known", "write ${env:OTELCOL_SRE_CHECK_NAME} or ${file:NAME}, of letters, digits, - and _"
	}
	return "", ""
})

// Secrets are the references to secrets in headers: its first group is env or file, its second one the name. Variables need a prefix, so that a catalog
// cannot send a collector's other variables away.
var Secrets = regexp.MustCompile(`\$\{(env):(OTELCOL_SRE_CHECK_[A-Z0-9_]+)\}|\$\{(file):([A-Za-z0-9][A-Za-z0-9_.-]{0,62})\}`)

var bodyPattern = text("regular expression", maxText, nil, printable(false), func(s string) (string, string) {
	if _, err := regexp.Compile(s); err != nil {
		return "is not a regular expression: " + err.Error(), "write one of RE2"
	}
	return "", ""
})

var hostAndPort = text("HOST:PORT", maxName, nil, printable(false), func(s string) (string, string) {
	host, port, err := net.SplitHostPort(s)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || host == "" || n < 1 || n > 65535 {
		return quote(s) + " is not HOST:PORT", "write it as checkout.example.com:443"
	}
	return "", ""
})

var ipAddress = text("IP address", maxName, nil, printable(false), func(s string) (string, string) {
	if net.ParseIP(s) == nil {
		return quote(s) + " is not an IP address", "write one such as 192.0.2.1"
	}
	return "", ""
})

func oneKindOfCheck(r *reader, at place, _ *Check) {
	var found []string
	for _, kind := range []string{"http", "tcp", "dns", "grpc"} {
		if _, ok := at.lookup(kind); ok {
			found = append(found, kind)
		}
	}
	if len(found) != 1 {
		r.problem(at, fmt.Sprintf("has %d kinds of check", len(found)), "write exactly one of http, tcp, dns and grpc")
	}
}

func timeoutWithinInterval(r *reader, at place, c *Check) {
	if c.Timeout > c.Interval && c.Interval > 0 {
		r.problem(at, "has a timeout above the interval", "raise interval, or lower timeout")
	}
}

// secretHeaders are those whose values are secrets.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "Api-Key", "X-Auth-Token"}

// secretsByReference keeps secrets out of the catalog, which many may read.
func secretsByReference(r *reader, at place, h *HTTPCheck) {
	for name, value := range h.Headers {
		if slices.Contains(secretHeaders, textproto.CanonicalMIMEHeaderKey(name)) && !Secrets.MatchString(value) {
			r.problem(at.key("headers").key(name), "has a secret", "write a reference: ${env:OTELCOL_SRE_CHECK_NAME}, or ${file:NAME}")
		}
	}
}

func uniqueChecks(r *reader, at place, s *Service) {
	if len(s.Checks) > mostChecks {
		r.problem(at.key("checks"), fmt.Sprintf("has %d checks", len(s.Checks)), fmt.Sprintf("write at most %d", mostChecks))
	}
	first := map[string]int{}
	for i := range s.Checks {
		name := s.Checks[i].Name
		item := at.key("checks").item(i).key("name")
		if n, twice := first[name]; twice && name != "" {
			r.problem(item, fmt.Sprintf("%s exists twice, first in line %d", quote(name), n), "give each check its own name")
			continue
		}
		first[name] = item.position().Line
	}
}
