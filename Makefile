# make, or make help, lists the targets. Recipes are POSIX shell and work with GNU make 3.81, which macOS has.

BIN  := bin/revokebot
GO   ?= go
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help build demo test lint golden clean

help: ## list these targets
	@echo 'make <target>:'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/revokebot, a static binary
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) ./cmd/revokebot

demo: build ## build and run the sandbox, without any account; ARGS="--listen 127.0.0.1:9000" for another port
	@./$(BIN) sandbox $(ARGS)

test: ## run all tests with the race detector; ARGS="-run 'Name' ./approvals/..." for some of them
	@scripts/test.sh $(ARGS)

lint: ## check format (gofumpt), go vet, staticcheck, and that go.mod is tidy
	@scripts/lint.sh

golden: ## write the golden files anew, for git diff to show what changed
	$(GO) test -count=1 $$(grep -rlE --include='*_test.go' 'flag\.Bool\("update"' . | xargs -n 1 dirname | sort -u) -update

clean: ## remove what the other targets made
	rm -rf bin out
