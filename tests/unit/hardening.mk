# Other eyes than the tests': valgrind, how much of the code is reached, and what analysers say.

.PHONY: valgrind cover scan
valgrind: $(UNIT) ## the unit tests under valgrind (T=word)
	@scripts/install-deps.sh hardening
	@UNIT_TIMEOUT=900 UNIT_WRAPPER="valgrind -q --error-exitcode=99 --leak-check=full \
		--errors-for-leak-kinds=definite --suppressions=tests/unit/valgrind.supp" \
		scripts/run-unit.sh $(UNIT)

cover: ## lines that unit tests, conformance, simulation and most integration tests reach, by layer
	@scripts/install-deps.sh test hardening
	@scripts/cover.sh

scan: ## what analysers say of the sources: scan-build, clang-tidy, gcc's
	@scripts/install-deps.sh build hardening
	@scripts/scan.sh
