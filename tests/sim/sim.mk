# The engine in a made-up world: fakes stand in for the outside world, all else is the real thing.
SIM := $(BUILD)/sim/test_sim
SIM_REAL := $(filter-out $(BUILD)/app/engine/retention.o,$(filter $(BUILD)/base/% $(BUILD)/core/% $(BUILD)/app/conf/% $(BUILD)/app/metrics/% $(BUILD)/app/engine/%,$(OBJECTS))) $(BUILD)/io/secret.o $(BUILD)/io/kafka/check.o

$(SIM): $(wildcard tests/sim/*.[ch]) $(SIM_REAL)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itests/sim -Isrc $(ALL_LDFLAGS) -o $@ $(wildcard tests/sim/*.c) $(SIM_REAL) $(LIBS)

.PHONY: sim
sim: $(SIM) ## run the engine's simulation (SEEDS=1000)
	$(SIM) --seeds $(or $(SEEDS),1000)
CHECKS += sim

# A world is left where an allocation fails, six times each.
.PHONY: starve
starve: $(SIM) ## the simulation, its memory running out at some moment (SEEDS=200)
	$(SIM) --seeds $(or $(SEEDS),200) --starve 6
CHECKS += starve
