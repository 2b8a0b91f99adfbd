# The whole way from Kafka to an endpoint, with figures.

$(BUILD)/bench/endpoint: tests/bench/endpoint.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $<

.PHONY: bench
bench: all $(BUILD)/bench/endpoint ## events a second and CPU an event, on a real Kafka, beside wrk (BENCH="--scenario 20ms")
	@scripts/install-deps.sh test
	@scripts/kafka.sh 3.9.1 > /dev/null
	@"$$(scripts/python.sh)/bin/python" tests/bench/bench.py $(BENCH)
