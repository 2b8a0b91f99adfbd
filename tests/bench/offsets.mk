# What the offset tracker costs.

.PHONY: bench-offsets
bench-offsets: $(BUILD)/bench/bench_offsets ## time and memory of the offset tracker
	@$<

$(BUILD)/bench/bench_offsets: tests/bench/bench_offsets.c $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS)
