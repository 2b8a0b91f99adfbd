# What credentials cost on the event's path.
$(BUILD)/bench/credentials: tests/bench/credentials.c $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS)

.PHONY: bench-credentials
bench-credentials: $(BUILD)/bench/credentials ## ns for a token's header (under 100), and for a webhook's signature (under 3000)
	@$<
