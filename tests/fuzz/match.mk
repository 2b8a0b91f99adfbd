# Fuzzing of the index against jansson, of patterns, and of the matcher against the slow one.
# FUZZ_SECONDS says for how long; PAIRS how many pairs of pattern and event.

FUZZ_SECONDS ?= 60

.PHONY: fuzz fuzz-json fuzz-pattern fuzz-match
fuzz-json fuzz-pattern: fuzz-%: build/fuzz/fuzz_% ## fuzz the index; the patterns
	@mkdir -p build/fuzz/corpus-$*
	@python3 tests/fuzz/seed_corpus.py $* build/fuzz/corpus-$*
	@$< -max_total_time=$(FUZZ_SECONDS) -max_len=2000 -artifact_prefix=build/fuzz/ \
		-dict=tests/fuzz/pattern.dict build/fuzz/corpus-$*

fuzz-match: $(BUILD)/unit/test_differential ## the matcher against the slow one (PAIRS, SEED)
	PAIRS=$(or $(PAIRS),5000000) SEED=$(or $(SEED),$(shell date +%s)) $<

# The others stand in their own files.
FUZZERS := json pattern match offsets-map path template request cost conf letter signing response retry-after
fuzz: $(addprefix fuzz-,$(FUZZERS)) ## all fuzzers, one by one (FUZZ_SECONDS=60)
