# SPDX-License-Identifier: Apache-2.0
# Builds and runs the fuzz targets: the gateway's sources with clang's libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer.
#
# Run by `make fuzz-check`, which gives srcdir, sources, targets and libs.  A target is tests/fuzz/NAME.c, its seeds the files of tests/fuzz/NAME/;
# if there is a tests/fuzz/NAME_seeds.c, that is run first to write further ones into the folder it is given.  What a run finds out is kept in fuzz/corpus/NAME of
# the build folder, and what went wrong in fuzz/findings/NAME-*, which the target takes as an argument to do it again.
#
# Looked at are the rooms that read what strangers send, and those below that they use; whatever else is needed comes from the build's own library.
CLANG ?= clang
FUZZ_SECONDS ?= 10
FLAGS = -std=gnu11 -g -O1 -pthread -fno-strict-aliasing -fno-omit-frame-pointer -fno-sanitize-recover=all -Wall -Wextra -Wno-unused-parameter \
	-D_GNU_SOURCE -DHAVE_CONFIG_H -DSLUICE_VERSION='"fuzz"' -I$(srcdir)/src -Isrc -I$(srcdir)/tests -I. -MMD -MP \
	$(if $(filter x86_64,$(shell uname -m)),-mcx16)
SANITIZE = address,undefined
rooms = access admin base chat config front ledger provider upstream web
objects = $(patsubst %.c,fuzz/%.o,$(filter $(rooms:%=src/%/%.c),$(sources)))

all: $(targets:%=run-%)

fuzz/tools:
	@mkdir -p $(@D)
	@echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n); int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return (d == 0 && n == 0); }' >$@.c
	@$(CLANG) -fsanitize=fuzzer,$(SANITIZE) -o $@ $@.c 2>$@.log || { echo "clang with libFuzzer is missing: apt-get install clang libclang-rt-dev" >&2; exit 1; }

fuzz/src/%.o: $(srcdir)/src/%.c | fuzz/tools
	@mkdir -p $(@D)
	@$(CLANG) $(FLAGS) -fsanitize=fuzzer-no-link,$(SANITIZE) -c -o $@ $<

fuzz/libsluice.a: $(objects)
	@rm -f $@
	@ar cr $@ $(objects)

fuzz/bin/%_seeds: $(srcdir)/tests/fuzz/%_seeds.c fuzz/libsluice.a
	@mkdir -p $(@D)
	@$(CLANG) $(FLAGS) -MF $@.d -fsanitize=$(SANITIZE) -o $@ $< fuzz/libsluice.a libsluice.a $(libs)

fuzz/bin/%: $(srcdir)/tests/fuzz/%.c fuzz/libsluice.a
	@mkdir -p $(@D)
	@$(CLANG) $(FLAGS) -MF $@.d -fsanitize=fuzzer,$(SANITIZE) -o $@ $< fuzz/libsluice.a libsluice.a $(libs)

has_seeds = $(wildcard $(srcdir)/tests/fuzz/$(1)_seeds.c)
with_seeds = $(foreach t,$(targets),$(if $(call has_seeds,$(t)),fuzz/bin/$(t)_seeds))

$(targets:%=run-%): run-%: fuzz/bin/% $(with_seeds)
	@mkdir -p fuzz/corpus/$* fuzz/findings
	@if test -x fuzz/bin/$*_seeds; then top_srcdir=$(srcdir) fuzz/bin/$*_seeds fuzz/corpus/$*; fi
	@fuzz/bin/$* -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 \
	    -artifact_prefix=fuzz/findings/$*- fuzz/corpus/$* $(srcdir)/tests/fuzz/$* >fuzz/$*.log 2>&1 || \
	    { tail -n 60 fuzz/$*.log; echo "FAIL: fuzz/$*: run fuzz/bin/$* fuzz/findings/$*-…"; exit 1; }
	@echo "PASS: fuzz/$*: $$(sed -n 's/^stat::number_of_executed_units: //p' fuzz/$*.log) runs"

.PHONY: all $(targets:%=run-%)
.PRECIOUS: fuzz/bin/% fuzz/bin/%_seeds
-include $(objects:.o=.d) $(wildcard fuzz/bin/*.d)
