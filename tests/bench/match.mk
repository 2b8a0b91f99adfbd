# How fast patterns match. BENCH=peers runs event-ruler, through Maven, on the same files.

.PHONY: bench-match
bench-match: build/bench-match $(BUILD)/bench/gen-match ## the matcher's speed (BENCH=peers: beside event-ruler)
	@tests/bench/match.sh $(BUILD)/bench $(BENCH)

build/bench-match: $(BUILD)/bench/bench-match
	@ln -sf $(VARIANT)/bench/bench-match $@

$(BUILD)/bench/bench-match: tests/bench/bench_match.c $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS)

$(BUILD)/bench/gen-match: tests/bench/gen_match.c $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS)
