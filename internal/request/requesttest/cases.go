// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package requesttest

import (
	"strconv"
	"strings"
)

// Cases are requests as they occur.
func Cases() []Case {
	return []Case{
		{
			Name: "an order over three traces",
			Records: []Record{
				{name: "A", trace: 1, id: 1, attributes: with{"correlation.id": "C-77", "order.number": 900417, "user.id": 50005, "http.response.status_code": 200}},
				{name: "B", trace: 2, id: 2, attributes: with{"correlation.id": "C-77"}},
				{name: "C", trace: 2, id: 3, inner: 2},
				{name: "D", trace: 3, id: 4, links: []byte{1}},
				{text: "paid order 900417"},
				{name: "other", trace: 4, id: 5, attributes: with{"correlation.id": "C-78", "order.number": 900418, "user.id": 50005, "http.response.status_code": 200}},
				{text: "user 50005 was billed 200"},
				{text: "paid order 9004171"},
			},
			Requests: []Request{
				{
					IDs: []string{
						"C-77", "900417", trace(1), trace(2), trace(3), span(1), span(2), span(3), span(4), strings.ToUpper(trace(2)),
						"4BF90000-0000-0000-0000-000000000003",
					},
					Finds: []string{"A", "B", "C", "D", "paid order 900417"},
				},
				{IDs: []string{"C-78", "900418", trace(4), span(5)}, Finds: []string{"other"}},
				{IDs: []string{"50005"}, Finds: []string{"A", "B", "C", "D", "paid order 900417", "other", "user 50005 was billed 200"}, Shared: 2},
			},
		},
		{
			Name: "each knows one more ID",
			Records: []Record{
				{name: "web", trace: 1, id: 1, attributes: with{"http.request.header.x-request-id": []any{"7b6e6a1c-5a0e"}, "basket.id": "b-1f"}},
				{text: "order 2026/17 of basket b-1f", attributes: with{"orderNumber": "2026/17"}},
				{text: "invoice INV-9 written", attributes: with{"order_number": "2026/17", "invoice_id": "INV-9"}},
				{text: "INV-9 sent"},
				{text: "7b6e6a1c-5a0e took 17 ms"},
			},
			Requests: []Request{{
				IDs:   []string{trace(1), "7b6e6a1c-5a0e", "b-1f", "2026/17", "INV-9", span(1)},
				Finds: []string{"web", "order 2026/17 of basket b-1f", "invoice INV-9 written", "INV-9 sent", "7b6e6a1c-5a0e took 17 ms"},
			}},
		},
		{
			Name: "IDs in an event, in objects and in lists",
			Records: []Record{
				{name: "A", trace: 1, id: 1, event: with{"payment.id": "pay-31"}},
				{object: with{"message": "refund", "paymentId": "pay-31", "refund_id": "r-5"}},
				{text: "asked by r-5"},
				{object: with{"list": []any{with{"what": "see pay-31"}}}},
			},
			Requests: []Request{{
				IDs:   []string{trace(1), "pay-31", "r-5"},
				Finds: []string{"A", `{"message":"refund","paymentId":"pay-31","refund_id":"r-5"}`, "asked by r-5", `{"list":[{"what":"see pay-31"}]}`},
			}},
		},
		{
			Name: "a word leads to the request",
			Records: []Record{
				{name: "A", trace: 1, id: 1, attributes: with{"correlation.id": "C-77", "order.number": 900417}},
				{name: "B", trace: 2, id: 2, attributes: with{"correlation.id": "C-77"}},
				{text: "job XJ9 for order 900417"},
			},
			Requests: []Request{{IDs: []string{"XJ9", "900417", "C-77", trace(2)}, Finds: []string{"A", "B", "job XJ9 for order 900417"}}},
		},
		{
			Name: "links in a chain, from and to traces without an ID",
			Records: []Record{
				{name: "first", trace: 1, id: 1},
				{name: "second", trace: 2, id: 2, links: []byte{1}, attributes: with{"correlation.id": "C-1"}},
				{name: "third", trace: 3, id: 3, links: []byte{2, 2}},
				{name: "fourth", trace: 4, id: 4, links: []byte{3}},
				{name: "elsewhere", trace: 5, id: 5, attributes: with{"correlation.id": "C-1"}},
			},
			Requests: []Request{{
				IDs:   []string{trace(1), trace(2), trace(3), trace(4), trace(5), "C-1", span(4)},
				Finds: []string{"first", "second", "third", "fourth", "elsewhere"},
			}},
		},
		{
			Name: "a batch is part of each of its requests, and joins none",
			Records: []Record{
				{name: "one", trace: 1, id: 1, attributes: with{"correlation.id": "C-1"}},
				{name: "two", trace: 2, id: 2},
				{name: "batch", trace: 3, id: 3, links: []byte{1, 2}},
				{name: "item", trace: 3, id: 4, inner: 3},
				{name: "of one", trace: 4, id: 5, attributes: with{"correlation.id": "C-1"}},
			},
			Requests: []Request{
				{IDs: []string{"C-1", trace(1), trace(4)}, Finds: []string{"one", "batch", "item", "of one"}},
				{IDs: []string{trace(2)}, Finds: []string{"two", "batch", "item"}},
				{IDs: []string{trace(3), span(3), span(4)}, Finds: []string{"one", "two", "batch", "item", "of one"}, Shared: 2},
			},
		},
		{
			Name: "a batch of one request is part of it",
			Records: []Record{
				{name: "one", trace: 1, id: 1, attributes: with{"correlation.id": "C-1"}},
				{name: "two", trace: 2, id: 2, attributes: with{"correlation.id": "C-1"}},
				{name: "batch", trace: 3, id: 3, links: []byte{1, 2}},
				{name: "after it", trace: 4, id: 4, links: []byte{3}},
			},
			Requests: []Request{{
				IDs:   []string{"C-1", trace(1), trace(2), trace(3), trace(4)},
				Finds: []string{"one", "two", "batch", "after it"},
			}},
		},
		{
			Name: "two IDs in a trace are two requests",
			Records: []Record{
				{name: "batch", trace: 1, id: 1},
				{name: "first", trace: 1, id: 2, inner: 1, attributes: with{"correlation.id": "C-1"}},
				{name: "second", trace: 1, id: 3, inner: 1, attributes: with{"correlation.id": "C-2"}},
				{name: "of the second", trace: 2, id: 4, attributes: with{"correlation.id": "C-2"}},
			},
			Requests: []Request{
				{IDs: []string{"C-1"}, Finds: []string{"batch", "first", "second"}},
				{IDs: []string{"C-2", trace(2)}, Finds: []string{"batch", "first", "second", "of the second"}},
				{IDs: []string{trace(1), span(2)}, Finds: []string{"batch", "first", "second", "of the second"}, Shared: 2},
			},
		},
		{
			Name: "an ID that lost",
			Records: []Record{
				{name: "A", trace: 1, id: 1, attributes: with{"correlation.id": "C-1"}},
				{name: "legacy", trace: 1, id: 2, inner: 1, attributes: with{"correlation.id": "C-1", "correlation.conflict": "L-5"}},
				{name: "elsewhere", trace: 2, id: 3, attributes: with{"correlation.id": "C-1"}},
				{name: "of another", trace: 3, id: 4, attributes: with{"correlation.id": "C-2", "correlation.conflict": "C-1"}},
				{name: "the other", trace: 4, id: 5, attributes: with{"correlation.id": "C-2"}},
			},
			Requests: []Request{
				{IDs: []string{"C-1", "L-5", trace(1), trace(2)}, Finds: []string{"A", "legacy", "elsewhere", "of another"}},
				{IDs: []string{"C-2", trace(3), trace(4)}, Finds: []string{"of another", "the other"}},
			},
		},
		{
			Name: "generated IDs are their traces'",
			Records: []Record{
				{name: "A", trace: 1, id: 1, attributes: with{"correlation.id": trace(1)}},
				{name: "early", trace: 2, id: 2, attributes: with{"correlation.id": trace(2)}},
				{name: "late", trace: 2, id: 3, inner: 2, attributes: with{"correlation.id": trace(1)}},
				{text: "done", attributes: with{"correlation.id": trace(1)}},
				{text: "looked into " + trace(2)},
			},
			Requests: []Request{{IDs: []string{trace(1), trace(2)}, Finds: []string{"A", "early", "late", "done", "looked into " + trace(2)}}},
		},
		{
			Name: "a correlation ID that looks like a trace ID",
			Records: []Record{
				{name: "A", trace: 1, id: 1, attributes: with{"correlation.id": trace(99)}},
				{name: "B", trace: 2, id: 2, links: []byte{1}, attributes: with{"correlation.id": trace(99)}},
				{name: "C", trace: 3, id: 3, links: []byte{2}},
				{name: "other", trace: 4, id: 4, attributes: with{"correlation.id": trace(98)}},
			},
			Requests: []Request{
				{IDs: []string{trace(99), trace(1), trace(2), trace(3)}, Finds: []string{"A", "B", "C"}},
				{IDs: []string{trace(98), trace(4)}, Finds: []string{"other"}},
			},
		},
		{
			Name: "a number that two requests have is no ID of one",
			Records: []Record{
				{name: "placed", trace: 1, id: 1, attributes: with{"correlation.id": "C-1", "order.number": "900417"}},
				{name: "paid", trace: 2, id: 2, attributes: with{"correlation.id": "C-2", "order.number": "900417"}},
				{text: "order 900417 was sent"},
			},
			Requests: []Request{
				{IDs: []string{"C-1", trace(1)}, Finds: []string{"placed"}},
				{IDs: []string{"C-2", trace(2)}, Finds: []string{"paid"}},
				{IDs: []string{"900417"}, Finds: []string{"placed", "paid", "order 900417 was sent"}, Shared: 2},
			},
		},
		{
			Name: "what only mentions the request does not bring its own",
			Records: []Record{
				{name: "A", trace: 1, id: 1, attributes: with{"correlation.id": "C-77", "order.number": 900417}},
				{name: "audit", trace: 2, id: 2},
				{text: "looked at order 900417", trace: 2, inner: 2},
				{name: "retry", trace: 3, id: 3, attributes: with{"retry.of": "C-77", "correlation.id": "C-79"}},
				{name: "size", trace: 4, id: 4, attributes: with{"http.response.body.size": 900417}},
			},
			Requests: []Request{
				{IDs: []string{"C-77", "900417", trace(1)}, Finds: []string{"A", "looked at order 900417", "retry"}},
				{IDs: []string{trace(2)}, Finds: []string{"audit", "looked at order 900417"}},
				{IDs: []string{"C-79", trace(3)}, Finds: []string{"retry"}},
			},
		},
		{
			Name: "an alias is one more name of the request",
			Records: []Record{
				{name: "early", trace: 1, id: 2, inner: 1, attributes: with{"correlation.id": "L-5", "correlation.evidence": "log"}},
				{name: "root", trace: 1, id: 1, attributes: with{"correlation.id": "C-1", "correlation.aliases": []any{"L-5"}}},
				{name: "elsewhere", trace: 2, id: 3, attributes: with{"correlation.id": "C-1"}},
				{text: "early line", attributes: with{"correlation.id": "L-5"}},
			},
			Requests: []Request{{
				IDs:   []string{"C-1", "L-5", trace(1), trace(2), span(2)},
				Finds: []string{"early", "root", "elsewhere", "early line"},
			}},
		},
		{
			Name: "an alias that is another request's ID joins nobody",
			Records: []Record{
				{name: "root", trace: 1, id: 1, attributes: with{"correlation.id": "C-1", "correlation.aliases": []any{"C-2"}}},
				{name: "other", trace: 2, id: 2, attributes: with{"correlation.id": "C-2"}},
				{name: "of the first", trace: 3, id: 3, attributes: with{"correlation.id": "C-1"}},
			},
			Requests: []Request{
				{IDs: []string{"C-1", trace(1), trace(3)}, Finds: []string{"root", "of the first"}},
				{IDs: []string{trace(2)}, Finds: []string{"root", "other"}},
			},
		},
		{
			Name: "a batch names the requests that it works on",
			Records: []Record{
				{name: "one", trace: 1, id: 1, attributes: with{"correlation.id": "C-1"}},
				{name: "two", trace: 2, id: 2, attributes: with{"correlation.id": "C-2"}},
				{name: "batch", trace: 3, id: 3, attributes: with{"correlation.id": trace(3), "correlation.ids": []any{"C-1", "C-2", "C-9"}}},
				{name: "item", trace: 3, id: 4, inner: 3, attributes: with{"correlation.id": trace(3)}},
			},
			Requests: []Request{
				{IDs: []string{"C-1", trace(1)}, Finds: []string{"one", "batch", "item"}},
				{IDs: []string{"C-2", trace(2)}, Finds: []string{"two", "batch", "item"}},
				{IDs: []string{"C-9"}, Finds: []string{"batch", "item"}},
			},
		},
		{
			Name: "a page load is shown with each of its requests",
			Records: []Record{
				{name: "load", trace: 1, id: 1, attributes: with{"correlation.id": trace(1), "correlation.ids": []any{"C-1", "C-2", "C-3"}}},
				{name: "first", trace: 1, id: 2, inner: 1, attributes: with{"correlation.id": "C-1"}},
				{name: "second", trace: 1, id: 3, inner: 1, attributes: with{"correlation.id": "C-2"}},
				{name: "third", trace: 1, id: 4, inner: 1, attributes: with{"correlation.id": "C-3"}},
				{name: "after the third", trace: 2, id: 5, attributes: with{"correlation.id": "C-3"}},
				{text: "line of the second", trace: 1, inner: 3, attributes: with{"correlation.id": "C-2"}},
			},
			Requests: []Request{
				{IDs: []string{"C-1", "C-2"}, Finds: []string{"load", "first", "second", "third", "line of the second"}},
				{IDs: []string{"C-3", trace(2)}, Finds: []string{"load", "first", "second", "third", "line of the second", "after the third"}},
				{IDs: []string{trace(1), span(1)}, Finds: []string{"load", "first", "second", "third", "line of the second", "after the third"}, Shared: 3},
			},
		},
		{
			Name: "an ID that a line only quotes",
			Records: []Record{
				{name: "root", trace: 1, id: 1, attributes: with{"correlation.id": "C-1"}},
				{text: "refused, request_id=C-2", trace: 1, inner: 1, attributes: with{"correlation.id": "C-2", "correlation.evidence": "text"}},
				{name: "other", trace: 2, id: 2, attributes: with{"correlation.id": "C-2"}},
			},
			Requests: []Request{
				{IDs: []string{"C-1", trace(1)}, Finds: []string{"root", "refused, request_id=C-2"}},
				{IDs: []string{"C-2", trace(2)}, Finds: []string{"refused, request_id=C-2", "other"}},
			},
		},
		{
			Name: "an ID that only a line knows",
			Records: []Record{
				{name: "root", trace: 1, id: 1, attributes: with{"correlation.id": trace(1)}},
				{text: "paid, request_id=C-2", trace: 1, inner: 1, attributes: with{"correlation.id": "C-2", "correlation.evidence": "text"}},
			},
			Requests: []Request{{IDs: []string{"C-2", trace(1)}, Finds: []string{"root", "paid, request_id=C-2"}}},
		},
		{
			Name: "letter case of a UUID",
			Records: []Record{
				{name: "A", trace: 1, id: 1, attributes: with{"correlation.id": "7b6e6a1c-5a0e-4c57-9a3e-3a4c2e1f0d9b"}},
				{name: "B", trace: 2, id: 2, attributes: with{"correlation.id": "7b6e6a1c-5a0e-4c57-9a3e-3a4c2e1f0d9b"}},
			},
			Requests: []Request{{
				IDs:   []string{"7b6e6a1c-5a0e-4c57-9a3e-3a4c2e1f0d9b", "7B6E6A1C-5A0E-4C57-9A3E-3A4C2E1F0D9B"},
				Finds: []string{"A", "B"},
			}},
		},
		{
			Name: "an ID of sessions joins nobody",
			Records: []Record{
				{name: "A", trace: 1, id: 1, attributes: with{"correlation.id": trace(1), "correlation.shared": "static-probe-1"}},
				{name: "B", trace: 2, id: 2, attributes: with{"correlation.id": trace(2), "correlation.shared": "static-probe-1"}},
			},
			Requests: []Request{
				{IDs: []string{trace(1)}, Finds: []string{"A"}},
				{IDs: []string{trace(2)}, Finds: []string{"B"}},
				{IDs: []string{"static-probe-1"}, Finds: []string{"A", "B"}, Shared: 2},
			},
		},
		crowded(),
	}
}

// crowded is a request among many that have much in common with it.
func crowded() Case {
	c := Case{Name: "many requests with something in common"}
	for n := byte(1); n <= 40; n++ {
		number := strconv.Itoa(700000 + int(n))
		c.Records = append(c.Records,
			Record{name: "order " + number, trace: n, id: n, attributes: with{
				"correlation.id": "R-" + number, "order.number": number, "session.id": "session-1", "tenant.id": "tenant-1", "product.id": "p-17",
				"campaign.code": "autumn-26", "shipment.id": "truck-4",
			}},
			Record{text: "shipped " + number + " with truck-4 for tenant-1"})
		c.Requests = append(c.Requests, Request{
			IDs:   []string{"R-" + number, number, trace(n), span(n)},
			Finds: []string{"order " + number, "shipped " + number + " with truck-4 for tenant-1"},
		})
	}
	return c
}
