// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package webserver

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/config/confighttp"
)

// hosts are the names that the server has: of this machine, of its endpoint, and the allowed ones.
func (k *Keys) hosts(endpoint string) []string {
	names := append([]string{"localhost"}, k.AllowedHosts...)
	if host, _, err := net.SplitHostPort(endpoint); err == nil && host != "" {
		names = append(names, host)
	}
	for i, name := range names {
		names[i] = strings.ToLower(name)
	}
	return names
}

// named reports whether a request is for one of the names. An address is not a name: only with a name can a foreign page make a browser
// believe that it and the server are one (DNS rebinding).
func named(names []string, host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return slices.ContainsFunc(names, func(name string) bool {
		suffix, wildcard := strings.CutPrefix(name, "*")
		return host == name || wildcard && strings.HasSuffix(host, suffix)
	})
}

// guarded lets requests pass that are for this server and, if they may change something, come from a program or from a page of this server.
func guarded(next http.Handler, names []string, server *confighttp.ServerConfig) http.Handler {
	foreign := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !named(names, r.Host):
			http.Error(w, fmt.Sprintf("This server is not known as %.100q. Use localhost or an IP address, or add the name to allowed_hosts.", r.Host), http.StatusMisdirectedRequest)
		case foreign.Check(r) != nil && !trusted(server, r.Header.Get("Origin")):
			http.Error(w, fmt.Sprintf("Pages of %.100q may not send this request. Add the origin to cors::allowed_origins, if it is yours.", r.Header.Get("Origin")), http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// trusted reports whether the server's cors lets pages of an origin read, by the same rules.
func trusted(server *confighttp.ServerConfig, origin string) bool {
	if !server.CORS.HasValue() || origin == "" {
		return false
	}
	return slices.ContainsFunc(server.CORS.Get().AllowedOrigins, func(allowed string) bool {
		before, after, wildcard := strings.Cut(strings.ToLower(allowed), "*")
		from := strings.ToLower(origin)
		return from == before || wildcard && len(from) >= len(before)+len(after) && strings.HasPrefix(from, before) && strings.HasSuffix(from, after)
	})
}

// byOrigin separates the requests of this machine from those of others. One that a proxy forwards comes from another, wherever the proxy is.
func byOrigin(local, others http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if forwarded(r.Header) || !fromHere(r) {
			others.ServeHTTP(w, r)
			return
		}
		local.ServeHTTP(w, r)
	})
}

// fromHere reports whether both ends of a request's connection are of this machine or pod: loopback, or one address.
func fromHere(r *http.Request) bool {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	from := remote.Addr().Unmap()
	if from.IsLoopback() {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && local.AddrPort().Addr().Unmap() == from
}

func forwarded(header http.Header) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"} {
		if header.Get(name) != "" {
			return true
		}
	}
	return false
}
