# Everything a developer or operator starts. `make help` lists it.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOFLAGS := -buildvcs=false
LDFLAGS := -s -w -X main.version=$(VERSION)
export GOFLAGS
# Pure Go everywhere but for the race detector; so everything else shares one build cache.
export CGO_ENABLED ?= 0
# SQLite and argon2id take four times as long when the race detector watches them too; each works for one goroutine at a time.
UNWATCHED := modernc.org/... golang.org/x/crypto/...

.DEFAULT_GOAL := help
.PHONY: help run build test unit e2e race fuzz crash bench lint docs browser shots clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

run: build ## build what is missing, create a configuration with a random password, start the server
	@scripts/run

build: ## build bin/opencloud, one static binary, with the browser client if npm is there (Node.js 20.19 or later)
	@scripts/web build
	go build -ldflags '$(LDFLAGS)' -o bin/opencloud ./cmd/opencloud

test: ## everything that must pass: lint, unit tests with the race detector, end to end with real clients
	@scripts/test

unit: ## unit tests only, fast
	go test ./internal/... ./cmd/...

race: ## unit tests with the race detector
	CGO_ENABLED=1 go test -race -timeout 15m $(foreach p,$(UNWATCHED),-gcflags='$(p)=-race=false -d=checkptr=0') ./internal/... ./cmd/...

e2e: build ## end-to-end tests with real clients
	go test -count=1 ./test/...

browser: build ## all browser tests (make test runs a part of them)
	OC_BROWSER=all go test -count=1 -timeout 40m -parallel 2 -run TestBrowser ./test/browser

SHOTS ?= test/browser/shots
shots: build ## pictures of every page of the browser client (light, dark, phone) in SHOTS (default test/browser/shots)
	OC_BROWSER=all OC_SHOTS=$(abspath $(SHOTS)) go test -count=1 -timeout 40m -parallel 2 -run TestBrowser ./test/browser
	@echo "$$(ls $(SHOTS)/*.png | wc -l) pictures are in $(SHOTS)"

fuzz: ## every fuzzer for FUZZTIME (default 10m)
	@FUZZ_ALL=1 scripts/fuzz $(or $(FUZZTIME),10m)

crash: build ## kill the server 200 times under load and check that nothing is lost
	OC_CRASH_ROUNDS=200 go test -count=1 -timeout 60m ./test/crash/

bench: build ## the benchmarks behind docs/performance.md
	@bench/run

lint: ## formatting and vet
	@test -z "$$(gofmt -l cmd internal test bench web/*.go)" || { echo "not formatted:"; gofmt -l cmd internal test bench web/*.go; exit 1; }
	go vet ./...

docs: ## make docs/reference/configuration.md anew
	go run ./cmd/opencloud-docs > docs/reference/configuration.md

clean: ## remove what was built
	rm -rf bin
	find web/dist -mindepth 1 ! -name .gitkeep -delete

.PHONY: model
model: ## 10,000 random sequences against the model
	OC_MODEL_SEQUENCES=10000 go test -count=1 -timeout 60m -run 'Sequences' ./internal/storage/posix
