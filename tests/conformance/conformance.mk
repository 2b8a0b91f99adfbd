# The observed cases, through the library; through the program they run with the
# integration tests.

CONFORMANCE := $(BUILD)/conformance/test_pattern_cases

$(CONFORMANCE): tests/conformance/test_pattern_cases.c $(BUILD)/unit/unit.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CMOCKA_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(BUILD)/unit/unit.o $(LIBRARY) $(LIBS) $(CMOCKA_LIBS)

.PHONY: conformance
conformance: $(CONFORMANCE) ## every observed pattern case, through the library
	@scripts/run-unit.sh $(CONFORMANCE)
CHECKS += conformance
