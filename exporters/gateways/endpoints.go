// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package gateways

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// defaultPort is that of OTLP over gRPC.
const defaultPort = "4317"

// parseEndpoints returns the endpoints of the list, each once and with a port, in order. It ignores spaces and empty entries; an entry may have several
// endpoints with commas between them.
func parseEndpoints(list []string) ([]string, error) {
	var endpoints []string
	for _, entry := range list {
		for one := range strings.SplitSeq(entry, ",") {
			one = strings.TrimSpace(one)
			if one == "" {
				continue
			}
			endpoint, err := parseEndpoint(one)
			if err != nil {
				return nil, err
			}
			endpoints = append(endpoints, endpoint)
		}
	}
	slices.Sort(endpoints)
	return slices.Compact(endpoints), nil
}

func parseEndpoint(s string) (string, error) {
	if strings.Contains(s, "/") {
		return "", fmt.Errorf("%.100q has a scheme or path; write host:port", s)
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil { // it has no port, or is not an address
		host, port = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"), defaultPort
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", fmt.Errorf("%.100q is not host:port", s)
		}
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return "", fmt.Errorf("the port of %.100q is not a number from 1 to 65535", s)
	}
	if host == "" || strings.ContainsAny(host, "[]") || strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%.100q has no valid host; write host:port", s)
	}
	return net.JoinHostPort(strings.ToLower(host), strconv.FormatUint(number, 10)), nil
}
