# What making a request of an event costs.

.PHONY: bench-render
bench-render: $(BUILD)/bench/bench_render ## time and allocations of rendering a request
	@$<

$(BUILD)/bench/bench_render: tests/bench/bench_render.c $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS)
