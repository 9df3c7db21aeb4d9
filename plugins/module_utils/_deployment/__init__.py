# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which deployer made this host, and where each service of it lies: configuration, unit, container, accounts. PRIVATE to the collection.

Only facts on disk that a deployer's own source promises count. Nothing is guessed: what can't be told is None, with the reason.
"""
