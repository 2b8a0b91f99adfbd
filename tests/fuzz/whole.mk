# Every fuzzer is linked with the whole library, made for it. Here also: fuzzing of configurations, letters,
# what is signed, and replies. FUZZ_SECONDS says for how long.

FUZZ_SECONDS ?= 60
FUZZ_WHOLE   := $(patsubst src/%.c,build/fuzz/whole/%.o,$(SOURCES)) $(patsubst build/generated/%.c,build/fuzz/whole/%.o,$(GENERATED))
FUZZ_FLAGS   := -std=gnu17 -D_GNU_SOURCE -DPOSTRIDER_VERSION='"$(VERSION)"' -Iinclude -Isrc -O1 -g \
	-fno-sanitize-recover=all -fsanitize=address,undefined

.PHONY: fuzz-conf fuzz-letter fuzz-signing fuzz-response
fuzz-conf fuzz-letter fuzz-signing fuzz-response: fuzz-%: build/fuzz/fuzz_% ## fuzz configurations; letters; signatures; HTTP replies
	@mkdir -p build/fuzz/corpus-$*
	@python3 tests/fuzz/seed_corpus.py $* build/fuzz/corpus-$*
	@LSAN_OPTIONS=suppressions=tests/fuzz/lsan.supp:print_suppressions=0 $< -max_total_time=$(FUZZ_SECONDS) -max_len=4000 \
		-artifact_prefix=build/fuzz/ build/fuzz/corpus-$*

build/fuzz/whole/%.o: src/%.c $(shell find include src -name '*.h')
	@mkdir -p $(@D)
	clang $(FUZZ_FLAGS) $(PACKAGE_CFLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

build/fuzz/whole/%.o: build/generated/%.c
	@mkdir -p $(@D)
	clang $(FUZZ_FLAGS) -Isrc/$(*D) -fsanitize=fuzzer-no-link -c -o $@ $<

build/fuzz/libpostrider.a: $(FUZZ_WHOLE)
	@rm -f $@
	@$(AR) rcs $@ $^

build/fuzz/fuzz_%: tests/fuzz/fuzz_%.c build/fuzz/libpostrider.a
	clang $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(PACKAGE_LIBS) -lm
