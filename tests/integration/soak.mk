# SPDX-License-Identifier: Apache-2.0
# The long variants: make soak [SOAK_KILLS=200] [SEED=1] [T=word]
.PHONY: soak
SOAK_KILLS ?= 200

soak: all ## the long tests: kills by the hundred, faulty networks, lost leaders; a hundred reloads with sanitizers (SOAK_KILLS=200)
	cd tests/integration && SOAK_KILLS=$(SOAK_KILLS) \
		"$$(../../scripts/python.sh)/bin/python" -m pytest -m soak -s $(if $(T),-k '$(T)')
	$(MAKE) VARIANT=asan build/asan/postrider
	cd tests/integration && POSTRIDER="$(CURDIR)/build/asan/postrider" \
		"$$(../../scripts/python.sh)/bin/python" -m pytest -m soak -s -k 'a_hundred_reloads'
