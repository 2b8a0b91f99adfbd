# What the gate costs.

.PHONY: bench-gate
bench-gate: $(BUILD)/bench/bench_gate ## time and memory of the gate
	@$<

$(BUILD)/bench/bench_gate: tests/bench/bench_gate.c $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS)
