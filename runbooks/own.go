// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package runbooks

import (
	"net/url"
	"strings"

	"github.com/otelcol-sre/otelcol-sre/catalog"
)

// ask is a link that answers a query: in Prometheus, or else the page of the collector that shows the same.
func (c *subject) ask(label markdown, q query) markdown {
	if c.o.Prometheus != "" {
		return link(label, q.address(c.o.Prometheus))
	}
	return c.here(label, c.plots(), nil)
}

// where is what a link below a query is called.
func (c *subject) where() markdown {
	if c.o.Prometheus != "" {
		return "Run it in Prometheus"
	}
	return "See it on the status page"
}

// plots is the path of the page with the service's plots.
func (c *subject) plots() string {
	if c.ofCollector() {
		return "/collector"
	}
	return "/services/" + catalog.PathSegment(c.service.Slug())
}

// here is a link to the collector's status page. Without one, it is the label alone.
func (c *subject) here(label markdown, path string, values url.Values) markdown {
	if c.o.StatusPage == "" {
		return label
	}
	return sprintf("[%s](%s)", label, destination(c.address(path, values)))
}

// address is that of a page of the collector.
func (c *subject) address(path string, values url.Values) string {
	address := strings.TrimRight(c.o.StatusPage, "/") + path
	if len(values) > 0 {
		address += "?" + values.Encode()
	}
	return address
}

// about are the values of a query about the service, or one of its SLOs.
func (c *subject) about(slo *catalog.SLO) url.Values {
	values := url.Values{"service": {c.service.Name}}
	if c.service.Namespace != "" {
		values.Set("namespace", c.service.Namespace)
	}
	if slo != nil {
		values.Set("slo", slo.Name)
	}
	return values
}

// searched is where one request is searched for.
func (c *subject) searched() markdown {
	if c.o.Files != "" {
		return "Search traces, logs and the collector's own files"
	}
	return sprintf("Search traces and logs, or %s", c.here("the last minutes on the status page", "/search", nil))
}
