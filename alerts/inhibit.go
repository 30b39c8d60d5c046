package alerts

import (
	"io"

	"go.yaml.in/yaml/v3"
)

// An InhibitRule mutes target alerts while a source alert fires, as Alertmanager's inhibit_rules.
type InhibitRule struct {
	SourceMatchers []string `yaml:"source_matchers"`
	TargetMatchers []string `yaml:"target_matchers"`
	Equal          []string `yaml:"equal,omitempty"`
}

// Inhibitions are Alertmanager's inhibit_rules.
type Inhibitions struct {
	InhibitRules []InhibitRule `yaml:"inhibit_rules"`
}

// Inhibition says which alerts need not be sent because a worse one says the same. The rules name
// alerts, not services, and hold for all there are.
//
// A pair mutes the slower ones of its own SLO in its own environment. One service never mutes
// another: that payment fails is no reason not to hear of checkout.
func Inhibition() Inhibitions {
	slo := []string{"service_name", "service_namespace", "slo_name", "environment"}
	service := []string{"service_name", "service_namespace", "environment"}
	mutes := func(source, targets string, equal []string) InhibitRule {
		return InhibitRule{
			SourceMatchers: []string{`alertname="` + source + `"`},
			TargetMatchers: []string{`alertname=~"` + targets + `"`},
			Equal:          equal,
		}
	}
	return Inhibitions{[]InhibitRule{
		mutes("ErrorBudgetBurnCritical", "ErrorBudgetBurnHigh|ErrorBudgetBurnMedium|ErrorBudgetBurnLow|ErrorBudgetExhausted", slo),
		mutes("ErrorBudgetBurnHigh", "ErrorBudgetBurnMedium|ErrorBudgetBurnLow|ErrorBudgetExhausted", slo),
		mutes("ErrorBudgetBurnMedium", "ErrorBudgetBurnLow", slo),
		mutes("ServiceSilent", "SLIMissing", service),
		mutes(alertDown, "SLIMissing|ServiceSilent", nil), // nobody is there to hear the services
	}}
}

// Write writes the rules as a part of Alertmanager's configuration.
func (i Inhibitions) Write(w io.Writer) error {
	if _, err := io.WriteString(w, Header+"# A part of Alertmanager's configuration.\n"); err != nil {
		return err
	}
	return encode(w, i)
}

func encode(w io.Writer, v any) error {
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return err
	}
	return e.Close()
}
