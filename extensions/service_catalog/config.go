// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package servicecatalog

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/otelcol-sre/otelcol-sre/catalog"
	"github.com/otelcol-sre/otelcol-sre/internal/admission"
)

// defaultPollInterval is the longest way of a change into use where no file events arrive.
const defaultPollInterval = 10 * time.Second

// Config is the configuration of the service_catalog extension.
type Config struct {
	// Directory is a folder of catalog files, or a list of folders. confmap splits a
	// string at its commas, so one environment variable can name several.
	Directory []string `mapstructure:"directory"`
	// PollInterval is how often the folders are checked when the file system reports
	// no change. NFS never does.
	PollInterval time.Duration `mapstructure:"poll_interval"`
	// Defaults is the spec of a Defaults document, for services that neither the folders nor their Defaults name.
	Defaults map[string]any `mapstructure:"defaults"`
	// Kubernetes has catalog entries read from objects, too.
	Kubernetes configoptional.Optional[Kubernetes] `mapstructure:"kubernetes"`
	// Admission bounds how many services, environments and versions clients can make.
	Admission admission.Limits `mapstructure:"admission"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Kubernetes says which objects are read. The collector runs in a pod, with the rights of its service account.
type Kubernetes struct {
	// Namespaces are those of the objects. Default: the collector's own.
	Namespaces []string `mapstructure:"namespaces"`
	// WriteStatus tells in the status of the catalog's own objects whether they were accepted.
	WriteStatus bool `mapstructure:"write_status"`
	// Storage is the storage extension that keeps the objects as they were without an error last, for a start without the API server.
	Storage *component.ID `mapstructure:"storage"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// maxNamespaces bounds the number of watches, of which each namespace needs nine.
const maxNamespaces = 50

var _ component.Config = (*Config)(nil)

// Validate returns every invalid key with its fix. A folder that does not exist is
// not an error here: it may come later.
func (c *Config) Validate() error {
	var errs []error
	if len(c.Directory) == 0 {
		errs = append(errs, errors.New("directory: is missing; name the folder with the catalog files, or a list of folders"))
	}
	seen := make(map[string]bool, len(c.Directory))
	for i, directory := range c.Directory {
		clean := filepath.Clean(directory)
		switch {
		case directory == "":
			errs = append(errs, fmt.Errorf("directory[%d]: is empty; name a folder or remove the entry", i))
		case seen[clean]:
			errs = append(errs, fmt.Errorf("directory[%d]: %q is listed twice; remove one", i, directory))
		}
		seen[clean] = true
	}
	if c.PollInterval <= 0 {
		errs = append(errs, fmt.Errorf("poll_interval: %v is not positive; use a duration such as %v", c.PollInterval, defaultPollInterval))
	}
	errs = append(errs, c.validateKubernetes())
	_, err := c.defaults()
	return errors.Join(append(errs, err)...)
}

func (c *Config) validateKubernetes() error {
	if !c.Kubernetes.HasValue() {
		return nil
	}
	var errs []error
	namespaces := c.Kubernetes.Get().Namespaces
	if len(namespaces) > maxNamespaces {
		errs = append(errs, fmt.Errorf("kubernetes::namespaces: lists %d, more than %d; give some of them to another collector", len(namespaces), maxNamespaces))
	}
	for i, namespace := range namespaces {
		if len(validation.IsDNS1123Label(namespace)) > 0 {
			errs = append(errs, fmt.Errorf("kubernetes::namespaces[%d]: %.80q is not the name of a namespace; name one, or leave the list out for the collector's own", i, namespace))
		}
		if slices.Contains(namespaces[:i], namespace) {
			errs = append(errs, fmt.Errorf("kubernetes::namespaces[%d]: %.80q is listed twice; remove one", i, namespace))
		}
	}
	return errors.Join(errs...)
}

// nameOfDefaults is the name of the Defaults of the configuration.
const nameOfDefaults = "built-in"

// defaults reads the key of that name; none if it is empty.
func (c *Config) defaults() ([]*catalog.Defaults, error) {
	if len(c.Defaults) == 0 {
		return nil, nil
	}
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": catalog.APIVersion, "kind": catalog.KindDefaults, "metadata": map[string]any{"name": nameOfDefaults}, "spec": c.Defaults,
	})
	if err != nil {
		return nil, fmt.Errorf("defaults: cannot be read: %w", err)
	}
	read, problems := catalog.Parse("defaults", text)
	var errs []error
	for _, p := range problems.Errors() { // positions are those of the text above, which nobody has seen
		errs = append(errs, fmt.Errorf("defaults: %s %s; %s", strings.TrimPrefix(strings.TrimPrefix(p.Path, "spec"), "."), p.Message, p.Fix))
	}
	return read.Defaults, errors.Join(errs...)
}
