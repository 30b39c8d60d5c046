// Copyright The otelcol-sre Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCollectorTakesIt: the built binary accepts the arguments and the environment of every container that is rendered.
func TestCollectorTakesIt(t *testing.T) {
	for name, text := range manifests(t) {
		objects, err := Objects(text)
		require.NoError(t, err)
		for _, o := range objects {
			switch o.At("kind") {
			case "StatefulSet", "DaemonSet", "Deployment":
				c := container(o)
				validate(t, name, c.At("args").([]any), c.At("env").([]any))
			case "OpenTelemetryCollector":
				command := o.At("spec", "command").([]any)
				require.Equal(t, "/otelcol-sre", command[0])
				// The Operator writes the config to a file and puts it last.
				config := Object{"spec": o.At("spec", "config")}.At("spec").(map[string]any)
				validate(t, name, append(command[1:], "--config=yaml:"+string(Object(config).JSON())), o.At("spec", "env").([]any))
			}
		}
	}
}

func validate(t *testing.T, name string, args, env []any) {
	t.Run(name, func(t *testing.T) {
		cmd := exec.Command(Root("bin", "otelcol-sre"), "validate")
		for _, arg := range args {
			cmd.Args = append(cmd.Args, arg.(string))
			if arg == "--config=builtin:kubelet" { // which reads the token of a pod at once
				cmd.Args = append(cmd.Args, "--config=yaml:receivers::kubelet_stats::auth_type: none")
			}
		}
		cmd.Env = append(os.Environ(), "OTELCOL_SRE_STORAGE="+t.TempDir())
		for _, variable := range env {
			variable := Object(variable.(map[string]any))
			value, given := variable["value"].(string)
			if !given {
				value = "of-the-" + strings.ReplaceAll(variable.At("valueFrom", "fieldRef", "fieldPath").(string), ".", "-")
			}
			if value == "/hostfs" {
				value = "/" // which is looked for
			}
			cmd.Env = append(cmd.Env, variable["name"].(string)+"="+value)
		}
		out, err := cmd.CombinedOutput()
		assert.NoError(t, err, "%s\n%s", cmd.Args, out)
	})
}
