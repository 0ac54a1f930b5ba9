# Thin: every target is a cmake preset (CMakePresets.json) or a script in scripts/.
PRESET ?= release
JOBS ?= $(shell nproc)
BUILD_DIR := build/$(PRESET)

.DEFAULT_GOAL := build
.PHONY: build demo test bench format format-check lint clean dependencies help

build: $(BUILD_DIR)/build.ninja ## Configure and compile (PRESET=release|debug|asan|tsan, JOBS=n)
	@cmake --build --preset $(PRESET) --parallel $(JOBS)

demo: build ## Build, then run the demonstration; results go to runs/demo
	@scripts/demo.sh $(BUILD_DIR)

test: build ## Build, then run every test
	@scripts/install_dependencies.sh test || echo "Going on: the test that needs it is skipped." >&2
	@ctest --preset $(PRESET)

bench: dependencies ## Build and run the benchmarks; results go to runs/bench
	@scripts/bench.sh $(PRESET) $(JOBS)

format: ## Rewrite the sources with clang-format
	@scripts/install_dependencies.sh format
	@scripts/format.sh

format-check: ## Fail when a source is not formatted
	@scripts/install_dependencies.sh format
	@scripts/format.sh --check

lint: ## clang-tidy on what changed since HEAD~1, or on FILES="a.cpp b.cpp"
	@scripts/install_dependencies.sh build lint
	@scripts/lint.sh $(FILES)

clean: ## Remove the build folders (runs/ stays)
	@cmake -E rm -rf build

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

dependencies:
	@scripts/install_dependencies.sh build

# Later changes of a CMakeLists.txt are Ninja's affair.
$(BUILD_DIR)/build.ninja: CMakePresets.json | dependencies
	@cmake --preset $(PRESET)
	@touch $@
