# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The front door. Each target calls one program of tools/ or tests/, which can be called by itself as well.

export DAY2_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/openstack_ops.day2
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.venv/collections
export PATH := $(CURDIR)/.venv/bin:$(PATH)
SCENARIOS := $(patsubst molecule/%/molecule.yml,%,$(wildcard molecule/*/molecule.yml))

.PHONY: help demo test check unit fuzz bench soak docs lab pins clean venv $(addprefix molecule-,$(SCENARIOS))

help:  ## this list
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20
	@printf 'molecule scenarios: %s\n' "$(addprefix molecule-,$(SCENARIOS))"

venv:
	@tools/bootstrap

demo: venv  ## a real OpenStack on loopback, three computes, every instance limited, before and after measured
	tests/lab/demo

test: venv  ## everything that proves the collection works, on this machine
	tools/test

check: venv  ## static checks and unit tests, 6 to 8 minutes
	tools/check

unit: venv  ## unit tests alone
	pytest -q tests/unit

fuzz: venv  ## every parser on FUZZ (10000) examples of what nobody should give it; the suite tries 50
	FUZZ=$(or $(FUZZ),10000) pytest -q -n 2 tests/unit/test_fuzz.py tests/unit/extensions/event_source/test_fuzz.py tests/unit/plugins/module_utils/_oslo_conf

bench: venv  ## side-by-side measurements, printed as ratios
	tests/bench/run

soak: venv  ## 60 power cuts in shrinks of a volume and 30 in grows, each booted, finished and looked at
	CUTS=60 pytest -q tests/integration/lvm_resize/test_power.py

docs: venv  ## the documentation as a site in build/, its links checked
	tools/docs

lab: venv  ## a shell on a throw-away machine with a kernel of its own
	tests/lab/machine shell

pins: venv  ## resolve requirements-dev.in anew, into requirements-dev.txt with the files' hashes
	{ sed '/^#/!d' requirements-dev.txt; $(DAY2_CACHE)/uv-venv/bin/uv pip compile -q --no-header --no-annotate --generate-hashes --upgrade requirements-dev.in; } >requirements-dev.new
	mv requirements-dev.new requirements-dev.txt

$(addprefix molecule-,$(SCENARIOS)): molecule-%: venv
	tests/lab/molecule $*

clean:  ## remove what this checkout made (caches outside it stay)
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache
