# make, or make help, lists the targets. Recipes are POSIX shell and work with GNU make 3.81, which
# macOS has.

GO   ?= go
ARGS ?=

RACE ?=

ROUNDS ?= 500
SEED   ?= 1
ACTS   ?= 2000
LANES  ?= 8
POINT  ?=

SOAK     ?= 10m
RATE     ?= 20
REQUESTS ?= 1000
OPEN     ?= 10000
TIMES    ?= 40
STRICT   ?=
WRITE    ?=

.DEFAULT_GOAL := help
.PHONY: help build sbom demo test crash load bench bolt lint golden clean

help: ## list these targets
	@echo 'make <target>:'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: first
first:
	@test -x bin/revokebot-sandbox || \
	  echo 'make demo: the first build takes some minutes. Then it prints an address to open.'

build: ## build bin/revokebot and bin/revokebot-sandbox, static binaries
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./cmd/revokebot ./cmd/revokebot-sandbox

sbom: build ## write bin/revokebot.cdx.json, the modules in bin/revokebot as CycloneDX; fetches the tool for it
	$(GO) run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 bin -json \
	  -output bin/revokebot.cdx.json bin/revokebot

demo: first build ## build and run the sandbox, without any account; ARGS="--listen 127.0.0.1:9000" for another port
	@./bin/revokebot-sandbox $(ARGS)

test: ## run all tests; RACE=1 (the race detector everywhere), ARGS="-run 'Name' ./approvals/..." for some
	@RACE='$(RACE)' scripts/test.sh $(ARGS)

crash: ## kill -9 the bot in ROUNDS=500 rounds, look for what is lost; SEED=1, POINT="after redis commit", POINT=list
	@scripts/need.sh
	@mkdir -p out
	$(GO) test ./sandbox/crash -run Killed -count=1 -v -timeout 0 -artifacts -outputdir='$(CURDIR)/out' \
	  -crash.rounds=$(ROUNDS) -crash.seed=$(SEED) -crash.lanes=$(LANES) -crash.point='$(POINT)' $(ARGS)

bench: ## measure the bot; SOAK=10m (0: none), RATE=20, REQUESTS=1000, OPEN=10000, STRICT=1, WRITE=docs/performance.md
	$(GO) test ./sandbox/measure -run '^$$' -bench Table -benchtime 1x -timeout 0 \
	  -measure.soak=$(SOAK) -measure.rate=$(RATE) -measure.requests=$(REQUESTS) -measure.open=$(OPEN) \
	  -measure.times=$(TIMES) $(if $(STRICT),-measure.strict) \
	  $(if $(WRITE),-measure.write='$(abspath $(WRITE))') $(ARGS)

bolt: build ## let an app made with Slack's own framework use the sandbox; needs Node.js and npm
	@scripts/bolt.sh

load: ## ACTS=2000 commands and clicks while connections break; prints how fast they are acknowledged
	$(GO) test ./bot -run 'UnderLoadAndTrouble|HardlyAGap' -load $(ACTS) -count 1 -v

lint: ## check format (gofumpt), line widths, go vet, staticcheck, and that go.mod is tidy
	@scripts/lint.sh

golden: ## write the golden files anew, for git diff to show what changed
	$(GO) test -count=1 $$(grep -rlE --include='*_test.go' 'flag\.Bool\("update"' . | xargs -n 1 dirname | sort -u) -update

clean: ## remove what the other targets made
	rm -rf bin out
