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

# The redrive of dead letters, in a world of its own.
SIM_REDRIVE := $(BUILD)/sim/test_redrive
SIM_REDRIVE_REAL := $(filter $(BUILD)/base/% $(BUILD)/core/% $(BUILD)/app/conf/% $(BUILD)/app/metrics/%,$(OBJECTS)) \
	$(addprefix $(BUILD)/app/deadletters/,letters.o redrive.o redrive_group.o redrive_letter.o redrive_report.o redrive_trust.o) \
	$(addprefix $(BUILD)/app/engine/,commit_cache.o consumer_commit.o consumer_loop.o context.o) \
	$(BUILD)/app/preview/preview.o $(BUILD)/io/secret.o $(BUILD)/io/kafka/check.o

$(SIM_REDRIVE): $(wildcard tests/sim/redrive/*.[ch]) tests/sim/fake_loop.c $(SIM_REDRIVE_REAL)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itests/sim -Itests/sim/redrive -Isrc -Isrc/app/deadletters $(ALL_LDFLAGS) -o $@ \
		$(wildcard tests/sim/redrive/*.c) tests/sim/fake_loop.c $(SIM_REDRIVE_REAL) $(LIBS)

.PHONY: sim-redrive
sim-redrive: $(SIM_REDRIVE) ## run the simulation of redrives (SEEDS=1000)
	$(SIM_REDRIVE) --seeds $(or $(SEEDS),1000)
CHECKS += sim-redrive

# A world is left where an allocation fails, six times each.
.PHONY: starve
starve: $(SIM) ## the simulation, its memory running out at some moment (SEEDS=200)
	$(SIM) --seeds $(or $(SEEDS),200) --starve 6
CHECKS += starve
