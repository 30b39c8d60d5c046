// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package observed

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Shop is a process of the demo services, and their customers.
type Shop struct {
	*process
	control string
}

// StartShop starts bin/shop, which sends to the collector. Its log is in the folder.
func StartShop(ctx context.Context, bin, folder string, c *Collector, args ...string) (*Shop, error) {
	free, err := freeAddresses(1)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(bin, "shop"), append([]string{"--endpoint", c.OTLP, "--control", free[0]}, args...)...)
	cmd.Env = append(os.Environ(), "OTEL_METRIC_EXPORT_INTERVAL=1000")
	s := &Shop{control: "http://" + free[0]}
	if s.process, err = start(ctx, cmd, filepath.Join(folder, "shop.log"), s.control); err != nil {
		return nil, err
	}
	return s, nil
}

// Change puts settings, as JSON, to a service.
func (s *Shop) Change(ctx context.Context, service, settings string) error {
	return s.put(ctx, "/settings/"+service, settings)
}

// Load sets the customers' requests a second.
func (s *Shop) Load(ctx context.Context, rate float64) error {
	return s.put(ctx, "/load", fmt.Sprintf(`{"rate": %g}`, rate))
}

func (s *Shop) put(ctx context.Context, path, body string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, s.control+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Close = true // the server ends idle connections, which a next request may race
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1000))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("PUT %s %s: %s: %s", path, body, response.Status, answer)
	}
	return err
}
