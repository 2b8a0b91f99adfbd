# SPDX-License-Identifier: Apache-2.0
# The other architecture: compiled by Debian's cross compiler, run by QEMU.
HARDEN_arm64    = $(HARDEN_plain)
ALLOCATOR_arm64 = $(ALLOCATOR_plain)
ARM64 := VARIANT=arm64 CC=aarch64-linux-gnu-gcc \
	PKG_CONFIG="env PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig pkg-config"

.PHONY: arm64
arm64: ## cross-compile for arm64 (Debian), and run the unit tests and the conformance cases under QEMU (T=word)
	@scripts/install-deps.sh arm64
	@$(MAKE) $(ARM64) build/arm64/postrider unit-programs
	@UNIT_WRAPPER=qemu-aarch64 UNIT_TIMEOUT=3600 $(MAKE) $(ARM64) unit conformance
