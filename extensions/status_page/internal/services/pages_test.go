// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package services

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The pages of a text are all that have it, each once and in their order.
func TestPages(t *testing.T) {
	all := Services{More: 3}
	for i := range 230 {
		all.Services = append(all.Services, Service{Namespace: "shop", Service: fmt.Sprintf("S%03d", i), Owner: fmt.Sprint("Team-", i%7)})
	}
	for text, want := range map[string]func(Service) bool{
		"": func(Service) bool { return true }, "shop/s": func(Service) bool { return true }, "Nothing": func(Service) bool { return false },
		"S00": func(s Service) bool { return s.Service < "S010" }, "team-3": func(s Service) bool { return s.Owner == "Team-3" },
	} {
		for _, size := range []int{1, 7, 100, 500} {
			expected, found := []string{}, []string{}
			for _, s := range all.Services {
				if want(s) {
					expected = append(expected, s.Service)
				}
			}
			pages := all.Select(text, 1, size).Pages
			for page := 1; page <= pages; page++ {
				got := all.Select(text, page, size)
				assert.Equal(t, []int{len(expected), 233, page, pages, len(expected) - len(got.Services.Services) + 3}, []int{got.Matching, got.Total, got.Page, got.Pages, got.More})
				assert.LessOrEqual(t, len(got.Services.Services), size)
				for _, s := range got.Services.Services {
					found = append(found, s.Service)
				}
			}
			assert.Equal(t, expected, found, "%q, %d", text, size)
			assert.Equal(t, all.Select(text, pages, size), all.Select(text, 1_000_000, size))
		}
	}
}
