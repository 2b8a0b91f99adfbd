# The whole way from Kafka to an endpoint, with figures. BENCH has the options of bench.py and
# loss.py; BENCH=peers also sets up and runs the other bridges.

$(BUILD)/bench/endpoint: tests/bench/endpoint.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $<

$(BUILD)/bench/floor_curl $(BUILD)/bench/floor_kafka $(BUILD)/bench/prototype: $(BUILD)/bench/%: \
		tests/bench/%.c tests/bench/bare_curl.h tests/bench/bare_kafka.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIBS)

BENCH_OPTIONS = $(if $(filter peers,$(BENCH)),--peers,$(BENCH))

.PHONY: bench bench-loss bench-ready bench-side-effects
bench-ready: all $(addprefix $(BUILD)/bench/,endpoint floor_curl floor_kafka prototype)
	@scripts/install-deps.sh test bench
	@scripts/kafka.sh 3.9.1 > /dev/null

bench: bench-ready ## events a second and CPU an event beside wrk (BENCH=peers, BENCH="--scenario 20ms")
	@"$$(scripts/python.sh)/bin/python" tests/bench/bench.py $(BENCH_OPTIONS)

bench-loss: bench-ready ## one kill -9 for each bridge: lost, repeated, silent (BENCH="--who postrider")
	@"$$(scripts/python.sh)/bin/python" tests/bench/loss.py $(BENCH)

bench-side-effects: bench-ready ## dead letters a second and what they cost others; CPU for a TLS connection
	@"$$(scripts/python.sh)/bin/python" tests/bench/side_effects.py $(BENCH)
