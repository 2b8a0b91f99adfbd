# SPDX-License-Identifier: Apache-2.0
# ThreadSanitizer knows no threads of C11, which the system's librdkafka makes; the newer one, that
# scripts/rdkafka-new.sh builds, makes POSIX's.

TSAN = exitcode=66:suppressions=$(CURDIR)/tests/integration/tsan.supp

.PHONY: tsan tsan-all
tsan: ## the unit tests and those on the embedded broker under the thread sanitizer
	@scripts/install-deps.sh test newer
	@scripts/rdkafka-new.sh > /dev/null
	@$(MAKE) VARIANT=tsan tsan-all

tsan-all: unit-programs $(PROGRAM)
	UNIT_WRAPPER="env LD_LIBRARY_PATH=$$(scripts/rdkafka-new.sh) TSAN_OPTIONS=$(TSAN)" \
		scripts/run-unit.sh $(UNIT)
	cd tests/integration && env -u MAKEFLAGS -u MAKELEVEL -u VARIANT POSTRIDER="$(CURDIR)/$(PROGRAM)" TSAN_OPTIONS="$(TSAN)" \
		POSTRIDER_LIBRARY_PATH="$$(../../scripts/rdkafka-new.sh)" \
		"$$(../../scripts/python.sh)/bin/python" -m pytest -q -n 3 \
		-m "embedded and not alone and not soak" $(if $(T),-k '$(T)')
