// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package semconv

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAttributesOfFlags(t *testing.T) {
	for key, attribute := range map[string]string{
		"dark": "feature_flag.dark", "new-card-check": "feature_flag.new_card_check", "shop.dark": "feature_flag.shop.dark", "Süß": "feature_flag.S__", "a b": "feature_flag.a_b",
	} {
		assert.Equal(t, attribute, FlagAttribute(key))
		assert.True(t, NamesFlag(attribute, key), key)
		assert.False(t, NamesFlag(attribute, key+"2"), key)
		assert.False(t, NamesFlag(attribute+"2", key), key)
	}
	assert.False(t, NamesFlag("feature_flag.", ""))
	assert.False(t, NamesFlag("dark", "dark"))
}
