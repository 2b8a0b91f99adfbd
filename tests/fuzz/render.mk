# Fuzzing of paths, templates and requests over events. FUZZ_SECONDS says for how long.

FUZZ_SECONDS ?= 60
FUZZ_RENDER  := $(wildcard src/core/json/*.c src/core/event/*.c src/core/request/*.c src/core/letter_view.c) \
	$(addprefix src/base/,base64.c buf.c err.c json_writer.c rng.c time_text.c utf8.c util.c)

.PHONY: fuzz-path fuzz-template fuzz-request fuzz-cost
fuzz-path fuzz-template fuzz-request fuzz-cost: fuzz-%: build/fuzz/fuzz_% ## fuzz what is made of an event, and what it costs
	@mkdir -p build/fuzz/corpus-$*
	@python3 tests/fuzz/seed_corpus.py $* build/fuzz/corpus-$*
	@$< -max_total_time=$(FUZZ_SECONDS) -max_len=600 -artifact_prefix=build/fuzz/ \
		-dict=tests/fuzz/render.dict build/fuzz/corpus-$*

build/fuzz/fuzz_path build/fuzz/fuzz_template build/fuzz/fuzz_request build/fuzz/fuzz_cost: \
		build/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZ_RENDER)
	@mkdir -p $(@D)
	clang -std=gnu17 -D_GNU_SOURCE -DPOSTRIDER_VERSION='"$(VERSION)"' -Iinclude -Isrc -O1 -g \
		-fno-sanitize-recover=all -fsanitize=fuzzer,address,undefined -o $@ $^ -ljansson
