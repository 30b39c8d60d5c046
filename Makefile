# make run    build everything, start the collector and the demo shop, watch the SLOs
# make test   lint, generated files, all tests
# `make help` lists the other targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

# The same flags for building, testing and linting, so that every package is compiled once. Programs are static: they
# run on any Linux, and in an image without libraries. Only the race detector needs cgo.
TAGS := remove_all_sd,enable_kubernetes_sd,grpcnotrace
export GOFLAGS := -trimpath -buildvcs=false -tags=$(TAGS)
export CGO_ENABLED ?= 0
# Use the Go of go.mod's toolchain line if the installed one is older, so that its security fixes are linked.
export GOTOOLCHAIN := auto

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
VULNDB ?= golang.org/x/vulndb@v0.0.0-20261105234957-e22db6528018
NFPM := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.0
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

# Version, commit and its date, as Semantic Versioning writes build metadata: 0.1.0+02c9b5d44902.20261121T101402Z
export TZ := UTC
VERSION := $(shell sed -n 's/^  version: *//p' builder-config.yaml)+$(shell git rev-parse --short=12 HEAD 2>/dev/null || \
	echo unknown)$(shell git diff --quiet HEAD 2>/dev/null || echo .dirty).$(shell git log -1 --format=%cd --date=format-local:%Y%m%dT%H%M%SZ 2>/dev/null)

# Turns the package names of `go build -v` into progress, on a terminal only, and passes everything else through.
define PROGRESS
BEGIN { tty = ENVIRON["TERM"] != "" && ENVIRON["TERM"] != "dumb" && system("test -t 1") == 0 }
/^go: downloading / { show("modules downloaded: " ++modules); next }
/^[a-z0-9.-]+(\/[^ ]+)*$$/ { show("packages compiled: " ++packages); next }
{ print; fflush() }
END { if (tty && modules + packages) print "" }
function show(text) {
	if (tty) { printf "\r%s ", text; fflush() }
}
endef
export PROGRESS

SOURCES := $(shell git ls-files -co --exclude-standard -- '*.go' go.mod go.sum deploy/configs builder-config.yaml 2>/dev/null)
ARGS ?=

.PHONY: help build image packages release newcomer test-packages run preview shop test test-short test-unit test-e2e test-k8s test-backends test-compliance chaos soak build-newest test-preview lint site generate generate-check scorecard bench bench-load bench-store bench-compile fuzz vulncheck licenses clean bench-agent runbook-check

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 18

build: bin/otelcol-sre bin/srectl bin/shop ## the collector, srectl and the demo shop, into bin/

cmd/otelcol-sre/components.go: builder-config.yaml
	@echo "generating cmd/otelcol-sre"
	@mkdir -p $(@D)
	@go tool builder --skip-get-modules --skip-compilation --config $< 2>&1 | grep -v INFO || true
	@rm -f $(@D)/go.mod $(@D)/go.sum
	@gofmt -w $(@D)
	@touch $@

# The builder writes the version as a literal; the overlay replaces it by the full version. It also replaces the Collector's command line by
# cmd/otelcol-sre/internal/commandline, which is the Collector's with answers for people.
.cache/overlay.json: cmd/otelcol-sre/components.go $(SOURCES)
	@mkdir -p .cache
	@sed -e 's|Version: .*|Version: "$(VERSION)",|' -e 's|otelcol.NewCommand(params)|commandline.New(params)|' \
		-e 's|^import (|import (\n\t"github.com/otelcol-sre/otelcol-sre/cmd/otelcol-sre/internal/commandline"|' cmd/otelcol-sre/main.go > .cache/main.go
	@printf '{"Replace":{"%s":"%s"}}' "$(CURDIR)/cmd/otelcol-sre/main.go" "$(CURDIR)/.cache/main.go" > .cache/overlay.json

bin/otelcol-sre: .cache/overlay.json
	@echo "building $@ (about 6 CPU minutes the first time)"
	@go build -v -overlay .cache/overlay.json -ldflags '-s -w' -o $@ ./cmd/otelcol-sre 2>&1 | awk "$$PROGRESS"

bin/srectl bin/shop: bin/%: $(SOURCES)
	@echo "building $@"
	@go build -ldflags '-s -w -X main.version=$(VERSION)' -o $@ ./cmd/$*

# Images and packages are for Linux, on any machine. PLATFORMS="linux/amd64 linux/arm64" builds both.
NATIVE := $(shell go env GOOS)/$(shell go env GOARCH)
PLATFORMS ?= linux/$(notdir $(NATIVE))
PROGRAMS := otelcol-sre srectl shop
FOR_PLATFORMS = $(foreach platform,$(PLATFORMS),$(addprefix bin/$(platform)/,$(PROGRAMS)))

$(addprefix bin/$(NATIVE)/,$(PROGRAMS)): bin/$(NATIVE)/%: bin/%
	@mkdir -p $(@D)
	@ln -f $< $@

bin/linux/%/otelcol-sre: .cache/overlay.json
	@echo "building $@ (about 6 CPU minutes the first time)"
	@GOOS=linux GOARCH=$* go build -v -overlay $< -ldflags '-s -w' -o $@ ./cmd/otelcol-sre 2>&1 | awk "$$PROGRESS"

bin/linux/%/srectl: $(SOURCES)
	@GOOS=linux GOARCH=$* go build -ldflags '-s -w -X main.version=$(VERSION)' -o $@ ./cmd/srectl

bin/linux/%/shop: $(SOURCES)
	@GOOS=linux GOARCH=$* go build -ldflags '-s -w -X main.version=$(VERSION)' -o $@ ./cmd/shop

# BUILDER is the builder's URI, for the provenance.
image: $(FOR_PLATFORMS) ## the container image as an OCI layout, with SBOMs and provenance, into bin/image
	@for platform in $(PLATFORMS); do deploy/image/lay-out bin/$$platform bin/$$platform/image; done
	@go run ./deploy/image/oci --platforms "$(PLATFORMS)" --version "$(VERSION)" --revision "$$(git rev-parse HEAD)" \
		--created "$$(git log -1 --format=%cI)" $(if $(BUILDER),--builder "$(BUILDER)")

# What srectl says of itself, for packages.
bin/share: bin/srectl
	@rm -rf $@ && mkdir -p $@/completion
	@$< man --out $@/man
	@for shell in bash zsh fish; do $< completion $$shell > $@/completion/srectl.$$shell; done

packages: $(FOR_PLATFORMS) bin/share ## archives, and deb and rpm with a systemd unit, into bin/packages
	@GOFLAGS= GOBIN=$(CURDIR)/.cache/bin go install $(NFPM)
	@rm -rf bin/packages && mkdir -p bin/packages
	@for platform in $(PLATFORMS); do for packager in deb rpm; do \
		ARCH=$${platform#linux/} VERSION="$(VERSION)" SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) \
		.cache/bin/nfpm package --config deploy/packages/nfpm.yaml --packager $$packager --target bin/packages; \
	done; done
	@for platform in $(PLATFORMS); do \
		deploy/packages/archive bin/$$platform bin/packages/otelcol-sre-$${platform/\//-}.tar.gz "$$(git log -1 --format=%ct)"; \
	done

# RELEASE is the folder; a release has both platforms.
RELEASE ?= bin/release
release: image packages ## everything that a release has, with its checksums, into bin/release
	@rm -rf "$(RELEASE)" && mkdir -p "$(RELEASE)"
	@cp bin/packages/* bin/image/*.json "$(RELEASE)"
	@tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$$(git log -1 --format=%ct)" \
		--file "$(RELEASE)/otelcol-sre-image.tar" --directory bin/image/layout .
	@cd "$(RELEASE)" && sha256sum -- * > SHA256SUMS && sha256sum --check --quiet SHA256SUMS

# A small Debian, from the package source of this machine.
.cache/debian:
	rm -rf $@.new
	debootstrap --variant=minbase --include=systemd,rpm bookworm $@.new \
		"$$(apt-get indextargets --format '$$(REPO_URI)' 'Created-By: Packages' | head -n 1)"
	rm -f $@.new/var/cache/apt/archives/*.deb
	mv $@.new $@

run: build ## start the collector and the demo shop, and show the SLOs; ARGS are the shop's flags
	@examples/run $(ARGS)

# PROMETHEUS is the URL of another Prometheus; ARGS are flags of test/preview/preview.mjs.
preview: $(if $(PROMETHEUS),,bin/otelcol-sre bin/shop) test/preview/node_modules ## draw the dashboards with Grafana's panels and live data, and check them
ifdef PROMETHEUS
	node test/preview/preview.mjs --prometheus $(PROMETHEUS) $(ARGS)
else
	go build -o .cache/tools/live ./test/observed/live
	node test/preview/preview.mjs --live .cache/tools/live --images docs/images $(ARGS)
endif

test-preview: test/preview/node_modules ## test that the checks of make preview find planted defects
	node --test test/preview/preview.test.mjs

site: docs/site/node_modules ## build the documentation as a site with a search, into docs/site/dist; ARGS=dev serves it while you write
	go run ./cmd/srectl man --format markdown --out docs/site/reference
	cd docs/site && npx vitepress $(or $(ARGS),build)

test/preview/node_modules docs/site/node_modules: %/node_modules: %/package-lock.json
	cd $(@D) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

shop: bin/shop ## only the demo shop, for a collector that already runs: make shop ARGS="--endpoint host:4317"
	@bin/shop $(ARGS)

test: build generate-check lint test-unit test-e2e test-preview site bench-compile vulncheck ## everything; what CI runs

SHORT := ./alerts/... ./catalog/... ./connectors/... ./dashboards/... ./runbooks/... ./processors/... ./receivers/... ./exporters/... ./extensions/... ./internal/... ./deploy/... ./cmd/srectl/... ./cmd/shop/... ./cmd/otelcol-sre/internal/... ./test/scenario
test-short: ## the inner loop: tests without the built binary, without the race detector
	go test -short $(SHORT)

# Packages and tests that run in one goroutine, in which the race detector finds nothing and takes ten times as long. The tests of
# cmd/srectl cover generating in parallel, and those of the status page every page that hostile names are tried on. Allocations are counted
# without it, too: it lets pools forget what they hold.
SEQUENTIAL := ./alerts/... ./dashboards/... ./runbooks/... ./test/observed/... ./internal/attribution/explain ./internal/change/tracker ./internal/deployment/verdict ./internal/gate ./internal/request/... $(addprefix ./cmd/srectl/internal/,backtest convert diff find lint report)
SEQUENTIAL_TESTS := ^(TestAskedLaterIsAskedFromTheStart|TestColumn|TestHostileNamesStayText|TestKilledAnywhere|TestNamesTheFaultyService|TestRandomHistories|TestRandomScenarios|TestReaderOfChanges|TestRoundTrip|TestRoundTripOpenSLO|TestSpansAreEveryMinute|TestSpansDoNotAllocate|TestToldAfterwards|TestTwoFourOne|TestValuesStayUntil)$$
# golangci-lint vets all packages.
test-unit: ## tests of all packages, with the race detector where several goroutines run
	CGO_ENABLED=1 go test -vet=off -race -timeout 15m -skip '$(SEQUENTIAL_TESTS)' $$(go list ./... | grep -v -e /test -e '/cmd/otelcol-sre$$' | grep -v -x -F "$$(go list $(SEQUENTIAL))")
	go test -vet=off -timeout 15m $(SEQUENTIAL)
	go test -vet=off -timeout 15m -run '$(SEQUENTIAL_TESTS)' ./catalog ./connectors/sli ./extensions/status_page/internal/slow ./extensions/status_page/internal/web ./internal/deployment/tracker ./processors/slo
	go test -vet=off -timeout 15m -run '^TestBacktestAndReport$$' ./cmd/srectl

# They wait for collectors most of the time: two tests for each processor.
test-e2e: build image ## tests with the built binary and its image
	go test -count=1 -vet=off -timeout 45m -parallel $$((2 * $$(nproc))) -skip '^TestCompliance' $$(go list ./test/... | grep -v -e /test/packaging -e /test/kubernetes/cluster -e /test/kubernetes/rollouts)

test-k8s: build ## apply all of deploy/ to a real Kubernetes API server; builds its programs first (about 16 CPU minutes, 3 GB), then takes 9 minutes
	go test -count=1 -timeout 40m ./test/kubernetes/...

# The tests behind the date on short pages. Any change of what those pages tell to run makes it necessary.
runbook-check: build ## run everything that short runbooks tell to run, in the shop, the store and a test cluster, and write the date into them (about as long as test-k8s)
	go test -count=1 ./runbooks -run 'TestQueriesHaveAnswers|TestQueriesParse|TestSlipsInQueriesAreSeen|TestHostileNamesAreWordsOfCommands'
	go test -count=1 ./cmd/srectl -run 'TestRunbookCommands|TestMistakesInRunbookCommandsAreSeen'
	go test -count=1 ./extensions/queue_storage -run TestRunbookMovesAQueue
	go test -count=1 ./test -run 'TestRunbookCommandsAreShell|TestRunbookLinksIntoJaegerFindWhatIsBad|TestLinksIntoExploreFind|TestEveryQueryHasAnAnswer|TestSearchesFindWhatTheyAreFor'
	go test -count=1 -timeout 40m ./test/kubernetes/cluster -run TestRunbooks
	go run ./runbooks/internal/ran
	$(MAKE) --no-print-directory generate

# Boots a small Debian with systemd for each package, and runs the image in a separate root: needs root and debootstrap.
test-packages: release .cache/debian ## install, run and remove the packages and the image; as root
	go test -count=1 -timeout 10m ./test/packaging

newcomer: build ## do what docs/first-service.md says, in a fresh clone and home, and say how long it takes
	go test -count=1 -timeout 30m -v -run '^TestFirstService$$' ./test/newcomer $(ARGS)

lint: cmd/otelcol-sre/components.go ## golangci-lint with .golangci.yaml, and actionlint on the workflows
	GOFLAGS= go install $(GOLANGCI_LINT)
	$$(go env GOPATH)/bin/golangci-lint run --timeout 15m
	GOFLAGS= go run $(ACTIONLINT)

scorecard: ## live through labeled faults with the generated rules, Sloth's and Pyrra's, and write the tables of docs/alerts.md
	UPDATE=1 go test -count=1 -run TestScorecard -v ./test/scorecard | sed -n '/^ *|/p'

generate: ## write all generated files that are committed
	@touch builder-config.yaml
	@$(MAKE) --no-print-directory cmd/otelcol-sre/components.go
	go test -count=1 ./catalog -update > /dev/null
	go test -count=1 ./alerts -run TestTable -update > /dev/null
	go run ./cmd/srectl generate --catalog examples/catalog --out examples \
		--prometheus-url http://localhost:9090 --alertmanager-url http://localhost:9093 --telemetry-files '/var/lib/otelcol-sre/telemetry*.json'
	@sed -i '/^route:/,$$d' deploy/compose/alertmanager.yaml # Alertmanager includes no files
	@sed -e '/^#/d' alerts/examples/alertmanager-route.yaml alerts/examples/alertmanager-inhibit.yaml >> deploy/compose/alertmanager.yaml
	go run ./test/licenses
	go generate ./...

generate-check: ## check that make generate changes nothing
	@state() { { git status --porcelain; git diff; } | sha256sum; }; before=$$(state); \
	$(MAKE) --no-print-directory generate; \
	test "$$before" = "$$(state)" || \
		{ git status --short; echo "generated files are out of date: commit what make generate wrote"; exit 1; }

BENCHMARKS = $(addprefix ./,$(shell git ls-files '*_test.go' ':!test' | xargs grep -l '^func Benchmark' | xargs -n 1 dirname | sort -u))
bench: ## the benchmarks behind docs/benchmarks.md
	go test -run '^$$' -bench . -benchmem $(BENCHMARKS)

# Not a part of make test: builds the servers from their modules, once, which takes some ten minutes on two cores.
test-backends: build ## run the queries of dashboards, rules and runbooks on real Prometheus, VictoriaMetrics, VictoriaLogs, Jaeger and Alertmanager (about 20 minutes)
	go run ./test/backends

# Not a part of make test: builds Sloth and a tester of prometheus/compliance from their modules, once, which takes some eight CPU minutes.
test-compliance: build ## test the store and remote write against Prometheus' specifications, and Sloth's user interface with the store
	go test -count=1 -timeout 60m -run '^TestCompliance' -v ./test

# docs/reliability.md links each test to its file.
CHAOS = $(shell grep "^| " docs/reliability.md | grep -o 'Test[A-Za-z0-9]*`].\.\./test/' | grep -o '^[A-Za-z0-9]*' | sort -u | paste -s -d "|")
chaos: build ## run the tests with the built binary that docs/reliability.md names: kills, full disks, damaged state, hostile clients
	go test -count=1 -timeout 30m -run '^($(CHAOS))$$' -v ./test

SOAK ?= 1h
soak: build ## run a collector under steady load with churn for SOAK, and check that nothing grows
	SOAK=$(SOAK) go test -count=1 -timeout 0 -run '^TestSoak$$' -v ./test

# ARGS=-docs also writes the table of docs/building.md.
build-newest: ## compile our packages with the newest release of core and contrib, and run their short tests
	go run ./test/newest $(ARGS) $(SHORT)

# `go run ./test/throughput -h` lists the flags for ARGS.
bench-load: build ## what a span and a log record cost in the built collector, beside a bare one; writes docs/benchmarks.md
	go run ./test/throughput -write docs/benchmarks.md $(ARGS)

bench-store: build ## compare prometheus_store with a separate Prometheus: 200,000 series for five minutes
	go run ./test/beside

bench-agent: build ## compare the processor time of agents: gateways, loadbalancing, and a bare collector
	go run ./test/agentcost

bench-compile:
	go test -vet=off -run '^$$' -bench . -benchtime 1x $(BENCHMARKS) > /dev/null

FUZZTIME ?= 1m
fuzz: ## run every fuzz target for FUZZTIME; their seeds run with the tests
	@for file in $$(git ls-files '*_test.go' | xargs grep -l '^func Fuzz'); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$file); do \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x ./$$(dirname $$file); \
		done; \
	done

# Checks the programs with symbol tables, which those in bin lack. A vulnerability counts if one of its functions is linked. VULNDB is the
# database, as a module: golang.org/x/vulndb@latest is the newest.
vulncheck: cmd/otelcol-sre/components.go ## find known vulnerabilities in the programs; fails on one without a reason in test/vulnerabilities/accepted.yaml
	@GOFLAGS= GOBIN=$(CURDIR)/.cache/bin go install $(GOVULNCHECK)
	@go build -ldflags=-w -o .cache/vulncheck/ $(addprefix ./cmd/,$(PROGRAMS))
	@go run ./test/vulnerabilities --govulncheck .cache/bin/govulncheck --database $(VULNDB) $(addprefix .cache/vulncheck/,$(PROGRAMS))

licenses: ## write all of docs/licenses.md; downloads the sources of programs of other projects
	go run ./test/licenses --all

clean: ## remove everything that was built, and the demo's state
	rm -rf bin .cache
