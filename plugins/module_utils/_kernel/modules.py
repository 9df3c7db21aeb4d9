# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts of traffic control this kernel has, or could load."""

from __future__ import annotations

import os
import re
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterable

#: A function of each part that we may need, as the kernel's own symbol table calls it.
_SYMBOLS = {
    "htb": "htb_enqueue",
    "u32": "u32_classify",
    "flower": "fl_classify",
    "sfq": "sfq_enqueue",
    "fq_codel": "fq_codel_enqueue",
    "ifb": "ifb_xmit",
    "mirred": "tcf_mirred_act",
    "clsact": "clsact_init",
    "police": "tcf_police_act",
    "pkts_rate": "psched_ppscfg_precompute",  # policing of packets per second: Linux 5.13, or backported
}
_MODULES = {
    "htb": "sch_htb",
    "u32": "cls_u32",
    "flower": "cls_flower",
    "sfq": "sch_sfq",
    "fq_codel": "sch_fq_codel",
    "ifb": "ifb",
    "mirred": "act_mirred",
    "clsact": "sch_ingress",
    "police": "act_police",
}
#: Before, flower compared the addresses inside an IPIP or GRE tunnel, which its sender chooses: any packet in one could be exempt (Linux
#: commit 6de6e46d27ef). A distribution's older kernel may have that change, too; nothing tells.
_SINCE = {"flower": (5, 16)}


def kernel_lacks(needs: Iterable[str]) -> list[str]:
    """Which of the needed parts this kernel has neither built in, nor loaded, nor as a module it could load; or which are too old in it.

    What the distribution's list of modules doesn't name is looked up in /proc/kallsyms, which takes the kernel some 100 ms: ask only
    when something is going to be made.
    """
    missing = set(needs) - {"none", "pfifo"}  # no kernel with traffic control is without pfifo
    old = {part for part in missing if part in _SINCE and _version() < _SINCE[part]}
    missing -= old
    if missing:
        missing -= _loadable(missing)
    if missing:
        missing -= _in_kernel(missing)
    return sorted(missing | old)


def available(parts: Iterable[str]) -> list[str]:
    """Those of the parts that this kernel has or can load, in the order given."""
    wanted = list(parts)
    lacking = kernel_lacks(wanted)
    return [part for part in wanted if part not in lacking]


def _version() -> tuple[int, int]:
    major, minor, *_rest = [*re.findall("[0-9]+", os.uname().release), "0", "0"]
    return int(major), int(minor)


def _in_kernel(parts: Iterable[str]) -> set[str]:
    wanted = {_SYMBOLS[part].encode(): part for part in parts}
    found = set()
    try:
        with open("/proc/kallsyms", "rb") as symbols:
            text = symbols.read()
    except OSError:
        text = b""
    if not text:  # a kernel without a symbol table, or one that isn't shown to us: tc will tell what it lacks
        return set(parts)
    for symbol, part in wanted.items():
        if re.search(rb" [tT] " + symbol + rb"[\s.]", text):
            found.add(part)
    return found


def _loadable(parts: Iterable[str]) -> set[str]:
    folder = os.path.join("/lib/modules", os.uname().release)
    listed = ""
    for name in ("modules.dep", "modules.builtin"):
        try:
            with open(os.path.join(folder, name), encoding="ascii", errors="replace") as lines:
                listed += lines.read()
        except OSError:
            continue
    return {part for part in parts if part in _MODULES and re.search(rf"/{_MODULES[part]}\.ko\b", listed)}
