# Fuzzing of paths, templates and requests over events. FUZZ_SECONDS says for how long.

FUZZ_SECONDS ?= 60

.PHONY: fuzz-path fuzz-template fuzz-request fuzz-cost
fuzz-path fuzz-template fuzz-request fuzz-cost: fuzz-%: build/fuzz/fuzz_% ## fuzz what is made of an event, and what it costs
	@mkdir -p build/fuzz/corpus-$*
	@python3 tests/fuzz/seed_corpus.py $* build/fuzz/corpus-$*
	@$< -max_total_time=$(FUZZ_SECONDS) -max_len=600 -artifact_prefix=build/fuzz/ \
		-dict=tests/fuzz/render.dict build/fuzz/corpus-$*
