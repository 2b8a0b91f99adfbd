# The engine in a made-up world: fakes of io stand in front of the library.
SIM := $(BUILD)/sim/test_sim

$(SIM): $(wildcard tests/sim/*.[ch]) $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itests/sim $(ALL_LDFLAGS) -o $@ $(wildcard tests/sim/*.c) $(LIBRARY) $(LIBS)

.PHONY: sim
sim: $(SIM) ## run the engine's simulation (SEEDS=1000)
	$(SIM) --seeds $(or $(SEEDS),1000)
CHECKS += sim
