# One command each; `make` alone lists them. Options go in variables: make run STUDY=sentiment ARGS="--seeds 3"
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

STUDY ?= sentiment
ARGS ?=
# Tried in turn; the first that is 3.11 or newer makes the environment.
PYTHON ?= python3.11 python3
# The wheels of an image come from .venv, so BASE needs the same Python version, system and processor.
BASE ?= python:$(shell $(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')-slim
# cpu, or cuda: whether the image is for GPUs. The wheels of torch decide what it can.
DEVICE ?= cpu
BUILT = bakeoff-$(DEVICE)-python:$(VERSION)
IMAGE ?= $(BUILT)

EXTRAS := ray,s3,wandb

BIN := .venv/bin
INSTALLED := .venv/.installed
WHEELS := images/wheels/$(DEVICE)
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' src/bakeoff/__init__.py)
REVISION = $(shell git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null || echo unknown)

.PHONY: help setup run test test-slow lint format docs compile images push \
	cluster-up cluster-submit cluster-open cluster-down e2e
help: ## list the commands
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/make \1\t\2/p' Makefile | expand -t 21

setup: $(INSTALLED) ## make .venv with bakeoff and its tools, at the locked versions

$(INSTALLED): pyproject.toml constraints.txt
	@$(BIN)/pip --version >/dev/null 2>&1 || { \
	    for python in $(PYTHON); do \
	        "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	        python=; \
	    done; \
	    [[ $$python ]] || { echo "make: none of '$(PYTHON)' is Python 3.11 or newer: install one," \
	        "or name one: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }; \
	    "$$python" -m venv --clear .venv; \
	}
	@echo "installing bakeoff and its tools into .venv (2 GB, or 6 with CUDA; some minutes)"
	$(BIN)/pip install -qq --constraint constraints.txt --editable '.[dev,$(EXTRAS)]'
	@touch $@

run: setup ## hold a bake-off: make run STUDY=sentiment ARGS="..."
	$(BIN)/bakeoff run $(STUDY) $(ARGS)

test: setup ## run the fast tests, in parallel
	OMP_NUM_THREADS=1 GOMP_SPINCOUNT=1000 $(BIN)/pytest -m "not slow" -n auto --maxprocesses 4 $(ARGS)

test-slow: setup ## run the tests that need time, a browser, a Docker engine or paper-size data
	GOMP_SPINCOUNT=1000 $(BIN)/pytest -m slow $(ARGS)

lint: setup ## check style, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: setup ## put the code into the house style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: setup ## build the pages of docs/ into site/, with every link checked
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

compile: setup ## write every pipeline and component as KFP YAML into compiled/
	$(BIN)/bakeoff compile all --output compiled/

cluster-up: ## a kind cluster with KFP and KubeRay, and the image in it
	@IMAGE=$(IMAGE) k8s/kind.sh up

cluster-submit: setup ## hold a bake-off on it: make cluster-submit STUDY=sentiment ARGS="--preset quick"
	@IMAGE=$(IMAGE) BIN=$(BIN) k8s/kind.sh submit $(STUDY) $(or $(ARGS),--preset quick)

cluster-open: ## KFP's own pages at http://localhost:8080
	@IMAGE=$(IMAGE) k8s/kind.sh open

cluster-down: ## remove the cluster
	@IMAGE=$(IMAGE) k8s/kind.sh down

e2e: setup ## run every pipeline, tiny, on the cluster that KUBECONFIG names
	BAKEOFF_IMAGE=$(IMAGE) $(BIN)/pytest tests/e2e/e2e.py $(ARGS)

images: $(WHEELS)/.complete ## build the container image, or DEVICE=cuda's (needs a Docker engine)
	rm -rf build $(WHEELS)/package
	SOURCE_DATE_EPOCH=315532800 $(BIN)/pip wheel -qq --no-deps --wheel-dir $(WHEELS)/package .
	DOCKER_BUILDKIT=1 docker build --file images/Dockerfile --tag $(BUILT) --tag $(IMAGE) \
	    --build-arg DEVICE=$(DEVICE) --build-arg BASE=$(BASE) --build-arg VERSION=$(VERSION) \
	    --build-arg REVISION=$(REVISION) $(WHEELS)
	@docker image inspect --format '{{.Size}}' $(IMAGE) \
	    | awk '{printf "%s: %.2f GB\n", "$(IMAGE)", $$1 / 1e9}'

push: ## send what was built to a registry, and print how steps name it: make push IMAGE=registry.example/bakeoff:1
	@docker image inspect $(BUILT) >/dev/null 2>&1 \
	    || { echo "make: there is no image $(BUILT): make images DEVICE=$(DEVICE)" >&2; exit 1; }
	docker tag $(BUILT) $(IMAGE)
	docker push $(IMAGE)
	@name='$(IMAGE)'; case $${name##*/} in *:*) name=$${name%:*};; esac; name=$${name#docker.io/}; \
	    docker image inspect --format '{{range .RepoDigests}}--image {{println .}}{{end}}' $(IMAGE) \
	    | grep -F -- "--image $$name@"

# pip reads its own settings (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS, pip.conf) here, not in
# the build. Name PyTorch's index of CPU wheels there, or torch brings CUDA along: 2 GB more.
$(WHEELS)/.complete: $(INSTALLED)
	rm -rf build $(@D)
	$(BIN)/pip wheel -qq --constraint constraints.txt --wheel-dir $(@D)/dependencies '.[$(EXTRAS)]'
	rm $(@D)/dependencies/bakeoff-*.whl
	mkdir $(@D)/torch
	cd $(@D)/dependencies && for wheel in torch*.whl nvidia_*.whl cuda_*.whl triton-*.whl; do \
	    ! [[ -f $$wheel ]] || mv "$$wheel" ../torch/; done
	@[[ $(DEVICE) == cpu ]] || compgen -G '$(@D)/torch/nvidia_*.whl' >/dev/null || { echo "make: pip gave a" \
	    "torch without CUDA: leave PyTorch's index of CPU wheels out of pip's settings" >&2; exit 1; }
	touch $@
