# SPDX-License-Identifier: Apache-2.0
# The long variants: make soak [SOAK_KILLS=200] [SOAK_SECONDS=600] [SEED=1] [T=word]
.PHONY: soak
SOAK_KILLS ?= 200
SOAK_SECONDS ?= 600

soak: all ## the long tests, some with sanitizers, and ten minutes of each fuzzer (SOAK_KILLS=200, SOAK_SECONDS=600)
	cd tests/integration && SOAK_KILLS=$(SOAK_KILLS) SOAK_SECONDS=$(SOAK_SECONDS) \
		"$$(../../scripts/python.sh)/bin/python" -m pytest -m soak -s $(if $(T),-k '$(T)')
ifeq ($(T),)
	$(MAKE) VARIANT=asan build/asan/postrider
	cd tests/integration && POSTRIDER="$(CURDIR)/build/asan/postrider" \
		"$$(../../scripts/python.sh)/bin/python" -m pytest -m soak -s -k 'a_hundred_reloads'
	$(MAKE) fuzz FUZZ_SECONDS=$(SOAK_SECONDS)
endif
