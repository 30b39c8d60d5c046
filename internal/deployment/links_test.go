// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package deployment

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLinks(t *testing.T) {
	require.Equal(t, "https://git.example.com/shop/checkout/commit/2222a22", CommitURL("https://me:secret@git.example.com/shop/checkout.git?x=1#y", "2222a22"))
	require.Equal(t, "https://git.example.com/shop/checkout/compare/v1.4.1...v1.4.2", CompareURL("https://git.example.com/shop/checkout/", "v1.4.1", "v1.4.2"))
	for _, none := range []string{
		CommitURL("git@git.example.com:shop/checkout", "2222a22"), CommitURL("javascript:alert(1)", "2222a22"), CommitURL("https://git.example.com", ""),
		CompareURL("https://git.example.com", "", "a"), CompareURL("https://git.example.com", "a", "a"), CompareURL("https:///x", "a", "b"),
	} {
		require.Empty(t, none)
	}
	require.Equal(t, "https://git.example.com/commit/..%2F%3Cb%3E", CommitURL("https://git.example.com", "../<b>"))
	require.Equal(t, commit[:10], ShortRevision(commit+"0"))
	require.Equal(t, "v1", ShortRevision("v1"))
}
