# Fuzzing of the headers that say when to come back. FUZZ_SECONDS says for how long.

FUZZ_SECONDS ?= 60

.PHONY: fuzz-retry-after
fuzz-retry-after: build/fuzz/fuzz_retry_after ## fuzz the reader of Retry-After and its like
	@mkdir -p build/fuzz/corpus-retry-after
	@$< -max_total_time=$(FUZZ_SECONDS) -max_len=300 -artifact_prefix=build/fuzz/ \
		-dict=tests/fuzz/retry_after.dict build/fuzz/corpus-retry-after
