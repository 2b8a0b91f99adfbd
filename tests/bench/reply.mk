# What response rules cost on the event's path.
$(BUILD)/bench/reply: tests/bench/reply.c $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS)

.PHONY: bench-reply
bench-reply: $(BUILD)/bench/reply ## ns for four response rules on a reply of 1 KB (under 2000)
	@$<
