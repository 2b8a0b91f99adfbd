# Postrider. `make help` lists the targets; two of them do everything: `make demo`, `make test`.

VERSION  := 0.1.0
PREFIX   ?= /usr/local
# make presets CC as "cc": what that is differs from system to system.
ifeq ($(origin CC),default)
CC       := gcc
endif
# The archiver of a cross compiler is its own: it knows the other machine's objects.
ifeq ($(origin AR),default)
AR       := $(shell $(CC) -print-prog-name=ar 2>/dev/null || echo ar)
endif
PKG_CONFIG ?= pkg-config
# A variant is a build that must not mix with another: plain, asan, tsan, cover.
VARIANT  ?= plain
BUILD    := build/$(VARIANT)
PACKAGES := rdkafka libcurl jansson libconfig libmicrohttpd libssl libcrypto
PACKAGE_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
PACKAGE_LIBS   := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)

# Warnings are faults in CI, whose compilers we know; a newer one may warn of more.
WERROR   ?= $(if $(filter true,$(CI)),-Werror)
SANITIZE_asan := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SANITIZE_tsan := -fsanitize=thread
SANITIZE_cover := --coverage
CFLAGS   ?= -O2 -g
MACHINE  := $(shell $(CC) -dumpmachine 2>/dev/null)
BRANCHES := $(if $(filter x86_64-%,$(MACHINE)),-fcf-protection)$(if $(filter aarch64-%,$(MACHINE)),-mbranch-protection=standard)
# The C library warns of _FORTIFY_SOURCE without optimisation.
OPTIMISED = $(filter-out -O0,$(lastword $(filter -O%,$(CFLAGS))))
HARDEN_plain = $(if $(OPTIMISED),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3) \
	-fstack-protector-strong -fstack-clash-protection $(BRANCHES)
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -DPOSTRIDER_VERSION='"$(VERSION)"' -Iinclude -fPIE -pthread \
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-format-truncation -Wno-unknown-warning-option $(WERROR) \
	$(HARDEN_$(VARIANT)) $(SANITIZE_$(VARIANT)) $(CPPFLAGS) $(CFLAGS) $(PACKAGE_CFLAGS) \
	$(if $(ALLOCATOR_$(VARIANT)),-DHTTP_MIMALLOC)
ALL_LDFLAGS = -pie -pthread -Wl,-z,relro,-z,now $(SANITIZE_$(VARIANT)) $(LDFLAGS)
# What libcurl allocates with: see http_global_init(). Sanitizers want to see it all. The C library
# comes first, or all the process would get its memory from there. ALLOCATOR= builds without it.
ALLOCATOR ?= mimalloc
ALLOCATOR_plain := $(ALLOCATOR)
LIBS     = $(PACKAGE_LIBS) -lm $(if $(ALLOCATOR_$(VARIANT)),-lc -l$(ALLOCATOR_$(VARIANT)))

SOURCES  := $(filter-out src/app/cmd/main.c,$(sort $(shell find src -name '*.c')))
GENERATED := $(patsubst src/%.html,build/generated/%.c,$(shell find src -name '*.html'))
OBJECTS  := $(SOURCES:src/%.c=$(BUILD)/%.o) $(GENERATED:build/generated/%.c=$(BUILD)/%.o)
LIBRARY  := $(BUILD)/libpostrider.a
PROGRAM  := $(BUILD)/postrider
CONF_DOCS := $(BUILD)/gen-conf-docs
UNIT     := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))

export T VARIANT RDKAFKA

.PHONY: all help
all: $(PROGRAM) $(CONF_DOCS) ## build the program at build/postrider
	@ln -sf $(VARIANT)/postrider build/postrider

help: ## list the targets
	@awk -F':.*## ' '/^[a-z -]+:.*## /{printf "  %-20s %s\n", $$1, $$2}' Makefile $(wildcard tests/*/*.mk)

$(PROGRAM): $(BUILD)/app/cmd/main.o $(LIBRARY)
	$(CC) $(CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(LIBRARY): $(OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

# Asked once, before the first source is compiled: is there what all of it needs?
HEADERS := $(addsuffix .h,librdkafka/rdkafka curl/curl jansson libconfig microhttpd openssl/evp uthash \
	$(if $(ALLOCATOR_$(VARIANT)),$(ALLOCATOR_$(VARIANT))))
$(BUILD)/dependencies:
	@mkdir -p $(@D)
	@printf '#include <%s>\n' stdio.h $(HEADERS) | $(CC) $(ALL_CFLAGS) -E -o /dev/null -x c - || { \
		echo "The compiler or a library is missing: 'make install-deps' installs them on Debian and Ubuntu." >&2; exit 1; }
	@touch $@

$(BUILD)/%.o: src/%.c Makefile | $(BUILD)/dependencies
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: build/generated/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Isrc/$(*D) -c -o $@ $<

.SECONDARY: $(GENERATED)
# The status page becomes a string of C: no assembler is asked, which link-time optimisation could not follow.
build/generated/%.c: src/%.html
	@mkdir -p $(@D)
	@{ printf '#include "%s.h"\nconst char %s_html[] =\n' $(*F) $(*F); \
		od -An -v -tx1 $< | sed 's/ /\\x/g; s/.*/"&"/'; echo ';'; } >$@.new && mv $@.new $@

$(CONF_DOCS): scripts/gen-conf-docs.c $(LIBRARY)
	$(CC) $(ALL_CFLAGS) -Isrc -MMD -MP $(ALL_LDFLAGS) -o $@ $< $(LIBRARY) $(LIBS)

# Of cmocka the tests take what both 1.1 and 2.0 have; 2.0 calls some of it deprecated.
CMOCKA_CFLAGS := -Wno-deprecated-declarations -Wno-unused-parameter -Itests/unit
CMOCKA_LIBS   := -Wl,--wrap=_cmocka_run_group_tests -lcmocka
$(BUILD)/unit/%.o: tests/unit/%.c Makefile | $(BUILD)/dependencies
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(CMOCKA_CFLAGS) -Isrc -MMD -MP -c -o $@ $<

.SECONDARY: $(UNIT:=.o)
$(BUILD)/unit/%: $(BUILD)/unit/%.o $(BUILD)/unit/unit.o $(LIBRARY)
	$(CC) $(CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LIBS) $(CMOCKA_LIBS)

.PHONY: unit unit-programs demo test lint format documents asan install-deps install uninstall deb image clean print-checks
unit: $(UNIT) ## run the unit tests (T=word runs those whose name has it)
	@scripts/run-unit.sh $(UNIT)

unit-programs: $(UNIT)

demo: ## show an event's whole way: build, start, publish, deliver
	@scripts/demo.sh

test: ## everything: lint, unit, conformance, integration (T=word, LIBRARIES=new, CI=true)
	@scripts/test.sh

lint: all ## what a script can check: layers, lengths, libraries, exports, documents, format
	@scripts/lint.sh

format: ## bring the sources into form
	@scripts/format.sh

documents: $(CONF_DOCS) ## write the documents that are generated from tables in the sources
	$(CONF_DOCS) reference >etc/postrider.cfg.reference
	$(CONF_DOCS) manual >$(BUILD)/keys.mdoc
	sed -i -e '/BEGIN KEYS/,/END KEYS/{//!d}' -e '/BEGIN KEYS/r $(BUILD)/keys.mdoc' etc/man/postrider.cfg.5
	scripts/gen-metrics-page.py >$(BUILD)/metrics.7 && cp $(BUILD)/metrics.7 etc/man/postrider-metrics.7

asan: ## the unit tests under the address sanitizer
	@$(MAKE) VARIANT=asan unit

install-deps: ## install with apt what building and testing need
	@scripts/install-deps.sh test

# Where things go; each may be said. INSTALLED is what `make uninstall` takes away again.
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
DOCDIR  ?= $(PREFIX)/share/doc/postrider
UNITDIR ?= $(PREFIX)/lib/systemd/system
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
PAGES    = $(wildcard etc/man/*.[1-9])
SAMPLES  = postrider.cfg postrider.cfg.reference postrider.tests.json demo.cfg \
	prometheus/postrider.rules.yml prometheus/prometheus.yml grafana/postrider.json \
	kubernetes/postrider.yml
INSTALLED = $(BINDIR)/postrider $(UNITDIR)/postrider.service $(BASHDIR)/postrider $(ZSHDIR)/_postrider \
	$(foreach page,$(PAGES),$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page))) \
	$(DOCDIR)/README.md $(DOCDIR)/CHANGELOG.md $(addprefix $(DOCDIR)/examples/,$(SAMPLES))

install: all ## install program, manual, unit, completions, samples (PREFIX, DESTDIR)
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(BINDIR)/postrider
	install -D -m 644 -t $(DESTDIR)$(DOCDIR) README.md CHANGELOG.md
	for page in $(PAGES); do install -D -m 644 -t $(DESTDIR)$(MANDIR)/man$${page##*.} $$page || exit; done
	for sample in $(SAMPLES); do install -D -m 644 etc/$$sample $(DESTDIR)$(DOCDIR)/examples/$$sample || exit; done
	install -D -m 644 etc/completion/postrider.bash $(DESTDIR)$(BASHDIR)/postrider
	install -D -m 644 etc/completion/_postrider $(DESTDIR)$(ZSHDIR)/_postrider
	install -D -m 644 etc/postrider.service $(DESTDIR)$(UNITDIR)/postrider.service
	sed -i 's|/usr/bin/postrider|$(BINDIR)/postrider|' $(DESTDIR)$(UNITDIR)/postrider.service

uninstall: ## take away what `make install` put there, with the same PREFIX and DESTDIR
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	[ ! -d $(DESTDIR)$(DOCDIR) ] || find $(DESTDIR)$(DOCDIR) -depth -type d -empty -delete

deb: all ## build a Debian package in dist/
	@scripts/deb.sh $(VERSION)

image: ## build the container image postrider:VERSION
	docker build -f etc/Dockerfile -t postrider:$(VERSION) .

clean: ## remove what was built
	rm -rf build dist

# tests/*/*.mk add their own targets; those named in CHECKS are part of `make test`. A check
# says how it went by its exit status, and with a line "N passed, N failed" how many.
CHECKS :=
-include $(wildcard tests/*/*.mk)
print-checks:
	@echo $(CHECKS)

-include $(OBJECTS:.o=.d) $(BUILD)/app/cmd/main.d $(CONF_DOCS).d $(UNIT:=.d)
