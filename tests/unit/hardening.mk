# The unit tests under other eyes: valgrind, and how much of the code they and the simulation
# reach.

.PHONY: valgrind cover
valgrind: $(UNIT) ## the unit tests under valgrind (T=word)
	@scripts/install-deps.sh hardening
	@UNIT_TIMEOUT=900 UNIT_WRAPPER="valgrind -q --error-exitcode=99 --leak-check=full \
		--errors-for-leak-kinds=definite --suppressions=tests/unit/valgrind.supp" \
		scripts/run-unit.sh $(UNIT)

cover: ## lines that unit tests, conformance, simulation and a few integration tests reach, by layer
	@scripts/install-deps.sh test hardening
	@scripts/cover.sh
