# Thin: every target is a cmake preset (CMakePresets.json) or a script in scripts/.
PRESET ?= release
JOBS ?= $(shell nproc)
BUILD_DIR := build/$(PRESET)

.DEFAULT_GOAL := build
.PHONY: build demo test bench format format-check lint docs clean help program-packages test-packages

build: $(BUILD_DIR)/build.ninja ## Compile, without tests before make test (PRESET=release|debug|asan|tsan, JOBS=n)
	@cmake --build --preset $(PRESET) --parallel $(JOBS)

demo: $(BUILD_DIR)/build.ninja ## Compile the program only and run the demonstration; results go to runs/demo
	@cmake --build --preset $(PRESET) --parallel $(JOBS) --target ntt
	@scripts/demo.sh $(BUILD_DIR)

test: $(BUILD_DIR)/tests/CTestTestfile.cmake ## Compile everything and run every test
	@scripts/install_dependencies.sh test-optional || echo "Going on: the test that needs it is skipped." >&2
	@cmake --build --preset $(PRESET) --parallel $(JOBS)
ifeq ($(PRESET),release)
	@scripts/build_python.sh $(PRESET) $(JOBS)
endif
	@ctest --preset $(PRESET)

bench: $(BUILD_DIR)/build.ninja ## Build and run the benchmarks; results go to runs/bench
	@scripts/install_dependencies.sh bench
	@scripts/bench.sh $(PRESET) $(JOBS)

format: ## Rewrite the sources with clang-format
	@scripts/install_dependencies.sh format
	@scripts/format.sh

format-check: ## Fail when a source is not formatted
	@scripts/install_dependencies.sh format
	@scripts/format.sh --check

lint: ## clang-tidy on what changed since HEAD~1, or on FILES="a.cpp b.cpp"
	@scripts/install_dependencies.sh program test lint
	@scripts/lint.sh $(FILES)

docs: ## Build the documentation as a site in build/docs/html
	@scripts/install_dependencies.sh docs
	@scripts/docs.sh

clean: ## Remove the build folders (runs/ stays)
	@cmake -E rm -rf build

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

program-packages:
	@scripts/install_dependencies.sh program

test-packages:
	@scripts/install_dependencies.sh program test

# The program and the tests share a build folder, which knows of no tests until somebody asks for them. Later changes of
# a CMakeLists.txt are Ninja's affair.
$(BUILD_DIR)/build.ninja: CMakePresets.json | program-packages
	@cmake --preset $(PRESET) $(if $(wildcard $@),,-DNTT_BUILD_TESTS=OFF)
	@touch $@

$(BUILD_DIR)/tests/CTestTestfile.cmake: CMakePresets.json | test-packages
	@cmake --preset $(PRESET) -DNTT_BUILD_TESTS=ON
	@touch $@
