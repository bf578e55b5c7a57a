# The few commands that people and CI use. `make help` lists them.

.DEFAULT_GOAL := help
.PHONY: help demo test lint gen controlplane helm clean

TOOLS := bash tests/controlplane/build.sh
TOOLCHAINS := bash tests/toolchains.sh

help: ## List these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

demo: ## Show everything: API server, simulated cluster, operator, samples (DEMO_EXIT=1: end by itself)
	@$(TOOLCHAINS) $(if $(REGENT_TEST_KUBECONFIG),,go)
	@bash tests/demo/build.sh
	@exec bash tests/demo/run.sh

test: ## Run every test
	@$(TOOLCHAINS) go
	@bash tests/run.sh

lint: ## Check format, lints and that generated files are fresh
	@$(TOOLCHAINS)
	@bash tests/crates.sh take
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --test cluster --test demo -- -D warnings
	cargo clippy --locked --no-default-features --lib --bins -- -D warnings

gen: ## Write everything that is generated: CRDs, install.yaml, reference pages
	@$(TOOLCHAINS) go
	@$(TOOLS) helm target/helm
	UPDATE_EXPECT=1 cargo test --locked --quiet --test it generated::
	bash deploy/gen.sh

controlplane: ## Build the Kubernetes control plane for tests (kept in the user's cache)
	@$(TOOLS) controlplane target/controlplane

helm: ## Build helm (kept in the user's cache)
	@$(TOOLS) helm target/helm

clean: ## Remove what was built here; the user's cache stays
	cargo clean
