# SPDX-License-Identifier: GPL-2.0
#
# Developer's front-end. The module itself is described by Kbuild, as in the
# kernel's tree; "make KDIR=..." builds it against any kernel's build tree.

# Headers of the running kernel, or the newest that are installed.
KDIR ?= $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) \
	$(shell ls -d /usr/src/linux-headers-*-amd64 2>/dev/null | sort -Vr))

all: modules

modules modules_install:
	$(if $(KDIR),,$(error no kernel headers found: run scripts/vm/setup as root, or name a build tree with KDIR=))
	$(MAKE) -C $(KDIR) M=$(CURDIR) $@

clean:
	$(if $(KDIR),$(MAKE) -C $(KDIR) M=$(CURDIR) clean)
	rm -rf build

# Everything below runs in virtual machines; see scripts/ and README.
setup:
	scripts/vm/setup
check quick soak:
	scripts/check $(filter-out check,$@)
static:
	scripts/check static
demo:
	scripts/demo/run
bench:
	scripts/bench/run
bench-wall:
	scripts/bench/wall
coverage:
	scripts/coverage

install:
	scripts/install
uninstall:
	scripts/uninstall

help:
	@echo 'make [KDIR=...]  the module, drivers/target/tcm_iscsi/tcm_iscsi.ko'
	@echo 'make demo        a target run start to finish, in a virtual machine'
	@echo 'make quick       build for one kernel, its raw-PDU kselftests, KUnit'
	@echo 'make check       everything that must pass, also on a debug kernel'
	@echo 'make coverage    lines of the module that the kselftests run'
	@echo 'make static      compilers and checkers only'
	@echo 'make soak        the long drills'
	@echo 'make bench       instructions per I/O beside iscsi_target_mod'
	@echo 'make bench-wall  IOPS of two processors by the wall clock, beside it, too'
	@echo 'make install     put the module in place on this machine (root)'
	@echo 'make uninstall   take it away again (root)'
	@echo 'make clean       remove what was built (not the cache of images)'

.PHONY: all modules modules_install clean setup check quick soak static demo \
	bench bench-wall coverage install uninstall help
