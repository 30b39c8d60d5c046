package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/otelcol-sre/otelcol-sre/alerts/scenario/gotool"
)

// The versions of Jaeger and Loki are those whose query languages the other tests use.
var (
	jaeger = gotool.Module{
		Path: "github.com/jaegertracing/jaeger", Version: "v1.76.0", // the second line of Jaeger, in spite of its number
		Sum: "h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g=", GoModSum: "h1:hqcuJlLDTv7G2x5eFd/BhwcPdLxj3N+90aKhIzdOcKo=",
	}
	loki = gotool.Module{
		Path: "github.com/grafana/loki/v3", Version: "v3.7.8",
		Sum: "h1:bJ0WFWVOjgvG/jYmT9fIX15SYXXDwuEu/IMgTwMA97U=", GoModSum: "h1:SubN2HoviBLMmtr/jiMLom/3l3I9CIl8NvWIAEVa2C0=",
	}
)

// build returns the paths of the programs by name. What is in the repository's cache is not built again: the first time takes
// some ten minutes of two processors.
func build() (programs map[string]string, err error) {
	bin, err := filepath.Abs("bin")
	if err != nil {
		return nil, err
	}
	programs = map[string]string{"otelcol-sre": filepath.Join(bin, "otelcol-sre"), "shop": filepath.Join(bin, "shop")}
	if programs["prometheus"], err = gotool.Build("github.com/prometheus/prometheus/cmd/prometheus"); err != nil {
		return nil, err
	}
	if programs["alertmanager"], err = installAlertmanager(); err != nil {
		return nil, err
	}
	if programs["jaeger"], err = once(jaeger, "jaeger"); err != nil {
		return nil, err
	}
	programs["loki"], err = once(loki, "loki")
	return programs, err
}

// once builds a released version, which does not change, if it was not built before.
func once(m gotool.Module, name string) (string, error) {
	program, err := filepath.Abs(filepath.Join(".cache", "tools", name+"-"+m.Version))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	return gotool.BuildOf(m, name)
}

// installAlertmanager installs the last release that has the assets of its page.
func installAlertmanager() (string, error) {
	bin, err := filepath.Abs(filepath.Join(".cache", "bin"))
	if err != nil {
		return "", err
	}
	install := exec.Command("go", "install", "github.com/prometheus/alertmanager/cmd/alertmanager@v0.31.1")
	install.Env, install.Dir = append(os.Environ(), "GOFLAGS=", "GOBIN="+bin), os.TempDir()
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("installing Alertmanager: %w\n%s", err, out)
	}
	return filepath.Join(bin, "alertmanager"), nil
}
