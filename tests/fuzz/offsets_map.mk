# Fuzzing of what may stand in the commit metadata. FUZZ_SECONDS says for how long.

FUZZ_SECONDS ?= 60

.PHONY: fuzz-offsets-map
fuzz-offsets-map: build/fuzz/fuzz_offsets_map ## fuzz the reader of completion maps
	@mkdir -p build/fuzz/corpus-offsets-map
	@$< -max_total_time=$(FUZZ_SECONDS) -max_len=3000 -artifact_prefix=build/fuzz/ \
		build/fuzz/corpus-offsets-map
