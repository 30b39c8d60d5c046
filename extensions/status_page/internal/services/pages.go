// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package services

import "strings"

const (
	// PageSize is the usual number of services of a page.
	PageSize = 100
	// MaxPage is the largest.
	MaxPage = 500
)

// A Selection is a page of the services that have a text in their names, or in that of their owner.
type Selection struct {
	Services
	// Matching is how many there are on all pages, Total how many without the text.
	Matching int `json:"matching"`
	Total    int `json:"total"`
	// Page is the one of Pages that is shown; both count from 1.
	Page  int `json:"page"`
	Pages int `json:"pages"`
}

// Select is a page. A page beyond the last is the last one.
func (s Services) Select(text string, page, size int) Selection {
	text = strings.ToLower(text)
	found := Selection{Services: s, Total: len(s.Services) + s.More}
	matching := []Service{}
	for i := range s.Services {
		if one := &s.Services[i]; text == "" || one.has(text) {
			matching = append(matching, *one)
		}
	}
	found.Matching = len(matching)
	found.Pages = max(1, (len(matching)+size-1)/size)
	found.Page = min(page, found.Pages)
	from := (found.Page - 1) * size
	found.Services.Services = matching[from:min(from+size, len(matching))]
	found.More += len(matching) - len(found.Services.Services)
	return found
}

// has reports whether the text, in lower case, is in a name of the service or its owner.
func (s *Service) has(text string) bool {
	return strings.Contains(strings.ToLower(s.Namespace+"/"+s.Service), text) || strings.Contains(strings.ToLower(s.Owner), text)
}
