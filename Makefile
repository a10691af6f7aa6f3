# botsync. "make help" lists what there is; CONTRIBUTING.md says the rest.

GO       ?= go
PREFIX   ?= /usr/local
FUZZTIME ?= 5s
OPERATIONS ?= 10000
KILLS    ?= 200
ENTRIES ?= 1000000
VERSION  ?= $(shell git describe --tags --match 'v*' --dirty 2>/dev/null)

# Syncthing needs the tag noassets: its web interface is generated code that its
# module does not carry. Whatever else is in GOFLAGS stays.
comma  := ,
flags  := $(shell $(GO) env GOFLAGS)
tags   := $(subst $(comma), ,$(patsubst -tags=%,%,$(filter -tags=%,$(flags))))
tags   := $(subst $() ,$(comma),$(strip $(filter-out noassets,$(tags)) noassets))
# -trimpath is here and not with the build alone: else tests would compile
# everything a second time.
export GOFLAGS := $(strip $(filter-out -tags=% -trimpath,$(flags)) -tags=$(tags) -trimpath)
# A static binary, and no C compiler needed: docs/decisions/0002-no-cgo.md.
export CGO_ENABLED := 0

BIN     := bin/botsync$(shell $(GO) env GOEXE)
LDFLAGS := -s -w $(if $(VERSION),-X main.version=$(VERSION))
BUILD    = $(GO) build -ldflags '$(LDFLAGS)'

# The phases of "make test", the quickest to fail first.
PHASES := fmt build vet staticcheck unit race fuzz e2e

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help build demo test lint fmt vet staticcheck unit race race-all e2e npm openclaw model flood fuzz bench cross notices install clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## bin/botsync, static; the first time takes some minutes
	$(BUILD) -o $(BIN) ./cmd/botsync

demo: build ## two botsyncs on this machine pair and exchange files
	@$(BIN) demo

test: ## everything that has to hold; skips what this machine cannot do, and says so
	@all=$$(date +%s); times=; \
	for phase in $(PHASES); do \
		printf '\n== make %s\n' $$phase; start=$$(date +%s); \
		$(MAKE) --no-print-directory $$phase || { printf '\n== make %s: FAILED\n' $$phase; exit 1; }; \
		times="$$times $$phase $$(($$(date +%s) - start)) s,"; \
	done; \
	printf '\n== all passed:%s %d s together\n' "$$times" $$(($$(date +%s) - all))

lint: fmt vet staticcheck ## gofmt, go vet and staticcheck

fmt:
	@out=$$("$$($(GO) env GOROOT)/bin/gofmt" -l $$(git ls-files -co --exclude-standard '*.go' 2>/dev/null || find . -name '*.go')); \
	if [ -n "$$out" ]; then printf 'run gofmt -w on:\n%s\n' "$$out"; exit 1; fi

vet:
	$(GO) vet ./...

# The checks and why are in staticcheck.conf.
staticcheck:
	$(GO) tool staticcheck ./...

unit: ## unit tests, the rules of the house, type checks for every platform
	$(GO) test $$($(GO) list ./... | grep -v /e2e)

# With SQLite in it, a race build takes as long as all else together.
race: ## race tests of what is quickly built, where there is a C compiler
	@if ! command -v $$($(GO) env CC) >/dev/null; then \
		echo "SKIPPED: race tests need a C compiler, and $$($(GO) env CC) is not here"; \
		[ "$(BOTSYNC_TEST_ALL)" != 1 ]; exit; \
	fi; \
	CGO_ENABLED=1 $(GO) test -race $$($(GO) list -test -f '{{.ImportPath}} {{join .Deps " "}}' ./... | \
		awk '/\.test / && !/modernc\.org\/sqlite|mattn\/go-sqlite3|botsync\/e2e|botsync\/internal\/house/ { sub(/\.test$$/, "", $$1); print $$1 }')

race-all: ## race tests of everything but e2e
	CGO_ENABLED=1 $(GO) test -race $$($(GO) list ./... | grep -v /e2e)

e2e: ## end-to-end tests with real daemons; as root on Linux in namespaces too
	$(GO) test -count=1 -p 1 -timeout 15m $$($(GO) list ./e2e/... | grep -v /e2e/npm)

npm: ## tests with programs from npm, such as MCP's inspector; downloads them once
	$(GO) test -count=1 -timeout 10m ./e2e/npm/

# BOTSYNC_TEST_SEED replays what it draws. 10,000 operations take about ten minutes.
model: ## OPERATIONS and KILLS (10000, 200) on real daemons: is anything lost? As root on Linux
	BOTSYNC_TEST_OPERATIONS=$(OPERATIONS) BOTSYNC_TEST_KILLS=$(KILLS) \
		$(GO) test -count=1 -v -timeout 5h -run '^TestNothingIsLost$$' ./e2e/machines

flood: ## a member that announces ENTRIES (1000000) files and gives none
	BOTSYNC_TEST_ENTRIES=$(ENTRIES) $(GO) test -count=1 -v -timeout 2h -run '^TestFloodOfEntries$$' ./internal/engine

# Not part of "make test": it needs npm, and some minutes.
openclaw: ## notifications to a real OpenClaw gateway, which npm installs once (880 MB)
	GOFLAGS='$(filter-out -tags=%,$(GOFLAGS)) -tags=$(tags),openclaw' $(GO) test -count=1 -timeout 15m ./e2e/openclaw

fuzz: ## every fuzz target for FUZZTIME (5s)
	$(GO) run ./internal/house/fuzz -time $(FUZZTIME)

# apt install unison lsyncd rsync has them compared as well.
bench: build ## the numbers that are promised beside other tools; an hour, with BENCH=-quick some minutes
	$(GO) run ./internal/bench -bin $(BIN) $(BENCH)

cross: ## dist/: the program for every platform; compiles everything six times
	@for platform in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64; do \
		os=$${platform%/*}; arch=$${platform#*/}; out=dist/botsync-$$os-$$arch; \
		[ $$os != windows ] || out=$$out.exe; \
		echo $$out; GOOS=$$os GOARCH=$$arch $(BUILD) -o $$out ./cmd/botsync || exit 1; \
	done

notices: ## NOTICE, from the modules that are compiled in
	$(GO) run ./internal/house/notices >NOTICE.new && mv NOTICE.new NOTICE

install: build ## PREFIX/bin/botsync (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 0755 $(BIN) $(DESTDIR)$(PREFIX)/bin/

clean: ## removes what was built here
	rm -rf bin dist
