# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's commands, and what systemd would say."""

from __future__ import annotations

from dataclasses import dataclass, field

UNIT = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "MainPID": "1"}


@dataclass
class FakeHost:
    """units: what `systemctl show` says of each; answers: of a command's first words, what it ends with and says."""

    units: dict[str, dict[str, str]] = field(default_factory=dict)
    answers: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)

    def __call__(self, argv: list[str], data: str = "") -> tuple[int, str, str]:
        line = " ".join(argv)
        self.ran.append(line)
        for words, answer in self.answers.items():
            if line.startswith(words):
                return answer
        if argv[:2] == ["systemctl", "show"] and argv[-2] == "--":
            shown = {
                "Id": argv[-1],
                "LoadState": "not-found",
                "ActiveState": "inactive",
                **self.units.get(argv[-1], {}),
            }
            return 0, "".join(f"{key}={value}\n" for key, value in shown.items()), ""
        return 0, "", ""

    def unit(self, name: str, **shown: str) -> FakeHost:
        self.units[name] = {**UNIT, **shown}
        return self
