# Fuzzing of what may stand in the commit metadata. FUZZ_SECONDS says for how long.

FUZZ_SECONDS ?= 60
FUZZ_OFFSETS_MAP := $(wildcard src/core/offsets/*.c) $(addprefix src/base/,buf.c err.c util.c)

.PHONY: fuzz-offsets-map
fuzz-offsets-map: build/fuzz/fuzz_offsets_map ## fuzz the reader of completion maps
	@mkdir -p build/fuzz/corpus-offsets-map
	@$< -max_total_time=$(FUZZ_SECONDS) -max_len=3000 -artifact_prefix=build/fuzz/ \
		build/fuzz/corpus-offsets-map

build/fuzz/fuzz_offsets_map: tests/fuzz/fuzz_offsets_map.c $(FUZZ_OFFSETS_MAP)
	@mkdir -p $(@D)
	clang -std=gnu17 -D_GNU_SOURCE -Iinclude -Isrc -O1 -g -fno-sanitize-recover=all \
		-fsanitize=fuzzer,address,undefined -o $@ $^
