# cc-metric-store. `make` lists the targets.

VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
GIT_HASH   ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
BUILD_TIME ?= $(shell date -u +%Y-%m-%dT%H:%M:%SZ)
BIN        ?= bin
IMAGE      ?= cc-metric-store
GO_IMAGE   ?= golang:1.26.8
LDFLAGS     = -s -w -X main.version=$(VERSION) -X main.gitHash=$(GIT_HASH) -X main.buildTime=$(BUILD_TIME)

FUZZTIME   ?= 3s
STRESS     ?= 3m
SOAK       ?= 10m
BENCHTIME  ?= 2s
BENCHCOUNT ?= 1
RESTART_HOSTS ?= 200
QUERY_HOSTS ?= 200
PROMQL_HOSTS ?= 200
WRITE_HOSTS ?= 200
ARCHIVE_HOSTS ?= 200

.PHONY: help first-compile build image build-in-container deb service-test compose-test archive-check run test check unit race fuzz stress soak bench bench-query bench-promql bench-write bench-memory bench-restart bench-archive clean

help:
	@echo "The first compile after a clone takes minutes, as nats-server is large; later ones take seconds."
	@echo
	@echo "build   bin/cc-metric-store and bin/cc-metric-generator, static programs"
	@echo "image   the container image cc-metric-store; where there is no Go, the programs are built in $(GO_IMAGE)"
	@echo "deb     bin/cc-metric-store_VERSION_ARCH.deb, a Debian package; it needs dpkg-deb"
	@echo "run     the metric store, on ./config.json or the built-in defaults"
	@echo "test    everything that a change has to pass: check, race, fuzz"
	@echo "check   format, go vet, go.mod, staticcheck"
	@echo "unit    all tests, without the race detector"
	@echo "race    all tests, with the race detector, also in the program that the black-box tests start"
	@echo "fuzz    each fuzz test for FUZZTIME ($(FUZZTIME))"
	@echo "bench   benchmarks: decode and append, NATS and REST to visible, queries; BENCHCOUNT ($(BENCHCOUNT)) times, for go tool benchstat"
	@echo "bench-query  queries over HTTP, of QUERY_HOSTS ($(QUERY_HOSTS)) hosts of 518 series with 24 h each, alone and while samples come in at full speed"
	@echo "bench-promql  queries in PromQL, of PROMQL_HOSTS ($(PROMQL_HOSTS)) hosts of 518 series with 24 h each, beside the same on slices that were decoded before"
	@echo "bench-write  bodies of WRITE_HOSTS ($(WRITE_HOSTS)) hosts over REST, from 1 to 200 connections, beside the same ones over NATS"
	@echo "bench-memory  bytes per sample: the codec, the whole program with 149 million samples, a filled store; garbage collection"
	@echo "bench-restart  stops, starts, replay and checkpoints with RESTART_HOSTS ($(RESTART_HOSTS)) hosts of 518 series for 24 h, 0.75 million samples each; pauses"
	@echo "bench-archive  24 h of ARCHIVE_HOSTS ($(ARCHIVE_HOSTS)) hosts to the archive, and queries of it; 30 days of one host"
	@echo "service-test  the Debian package and the commands of OPERATIONS.md under systemd, in a machine of its own; it needs root and systemd-nspawn"
	@echo "compose-test  three nodes, and one, of the Compose files on this machine's container engine: kills, a cut, restarts; nothing acknowledged is lost"
	@echo "archive-check  DuckDB reads the files of the archive; it needs a C compiler, and fetches DuckDB once, some 100 MB"
	@echo "stress  a load far above the memory cap for STRESS ($(STRESS)); the program and its broker killed many times, at all moments; three nodes likewise; damaged files"
	@echo "soak    ten minutes (SOAK) at a high rate, with queries, checkpoints and a restart of the broker"
	@echo "clean   removes bin"

# Nobody should take a first compile for a program that hangs.
first-compile:
	@test -e bin/cc-metric-store || echo "The first compile takes minutes: libraries are fetched and built. Later ones take seconds."

build: first-compile
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/...

# bin/data becomes the directory of the data: an image of nothing else has no mkdir.
image:
	@if command -v go >/dev/null; then $(MAKE) build; else $(MAKE) build-in-container; fi
	mkdir -p bin/data
	docker build --tag $(IMAGE) .

# Needs a registry or the image, and the module proxy.
build-in-container:
	docker run --rm --user "$$(id -u):$$(id -g)" --volume "$(CURDIR):/src" --workdir /src --env HOME=/tmp --env GOFLAGS=-buildvcs=false $(GO_IMAGE) \
		make build VERSION='$(VERSION)' GIT_HASH='$(GIT_HASH)' BUILD_TIME='$(BUILD_TIME)'

deb: build
	rm -f $(BIN)/cc-metric-store_*.deb
	deploy/deb/build.sh '$(VERSION)' "$$(go env GOARCH)" $(BIN)

run: build
	./bin/cc-metric-store

test: check race fuzz

check: first-compile
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt would change:" $$unformatted; exit 1; }
	go vet ./...
	go mod tidy -diff
	go tool staticcheck ./...

unit: first-compile
	go test ./...

# The packages whose tests take longest, and mostly wait, come first.
race: first-compile
	CC_RACE=1 go test -race -timeout 20m -p 3 ./test ./ingest ./...

# go test runs one fuzz test at a time; two of them share the machine, as much of the time is for linking.
fuzz:
	@for pkg in $$(go list ./...); do \
		go test -list '^Fuzz' $$pkg | sed -n "s|^Fuzz.*|$$pkg &|p" ; \
	done | xargs -P 2 -L 1 .ci/fuzz $(FUZZTIME)

service-test:
	SERVICE=1 go test -count 1 -run TestServiceUnderSystemd -v -timeout 15m ./test

compose-test:
	COMPOSE=1 go test -count 1 -run TestCompose -v -timeout 15m ./test

# A module of its own, so that the program does not carry DuckDB.
archive-check:
	cd test/duckdb && go vet ./... && go test -count 1 -timeout 10m ./...

stress:
	STRESS=$(STRESS) go test -count 1 -run TestMemoryCap -v -timeout 1h ./store
	STRESS=$(STRESS) go test -count 1 -run TestDamagedFiles -timeout 1h ./embedded
	STRESS=$(STRESS) go test -count 1 -run 'Killed|WithoutTheBroker|RolledBack|ThreeNodes' -v -timeout 1h ./test
	ATTACK=full go test -count 1 -run 'Attack|SlowBodies|StopDespite' -v -timeout 30m ./test

soak:
	SOAK=$(SOAK) go test -count 1 -run TestSoak -v -timeout 2h ./test

bench:
	go test -run '^$$' -bench . -benchtime $(BENCHTIME) -count $(BENCHCOUNT) ./ingest/... ./rest ./cmd/cc-metric-generator
	go test -run '^$$' -bench 'Append|Query' -benchtime $(BENCHTIME) -count $(BENCHCOUNT) ./store
	go test -run '^$$' -bench '(Encode|Build|Decode|Sum)/(real|generator)' -benchtime $(BENCHTIME) -count $(BENCHCOUNT) ./store/chunk
	TICK_HOSTS=5000 go test -count 1 -run TestTick -v ./test

bench-query:
	QUERY_HOSTS=$(QUERY_HOSTS) go test -count 1 -run TestQueryTimes -v -timeout 30m ./test

bench-promql:
	PROMQL_HOSTS=$(PROMQL_HOSTS) go test -run '^$$' -bench PromQL -benchtime $(BENCHTIME) -count $(BENCHCOUNT) -timeout 30m ./rest/promapi

bench-write:
	WRITE_HOSTS=$(WRITE_HOSTS) go test -count 1 -run TestWriteTimes -v -timeout 30m ./test

bench-memory:
	go test -run '^$$' -bench Size ./store/chunk
	go test -run '^$$' -bench Memory/100min -benchtime 1x ./store
	go test -run '^$$' -bench Memory/24h -benchtime 1x ./store
	go test -run '^$$' -bench GC -benchtime 5x ./store
	MEMORY_HOSTS=200 go test -count 1 -run TestResidentMemory -v -timeout 30m ./test

bench-restart:
	RESTART_HOSTS=$(RESTART_HOSTS) go test -count 1 -run TestRestartTimes -v -timeout 1h ./test
	go test -run '^$$' -bench Replay -benchtime 2s -count 3 ./ingest/...
	go test -run '^$$' -bench Pause -benchtime 1x -v ./store

bench-archive:
	go test -run '^$$' -bench . -benchtime $(BENCHTIME) ./store/archive
	ARCHIVE_HOSTS=$(ARCHIVE_HOSTS) go test -count 1 -run TestArchiveTimes -v -timeout 1h ./test

clean:
	rm -rf bin
