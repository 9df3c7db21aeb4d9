# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that an operator will paste. What a compute or a tenant wrote becomes part of one only after a check. Pure."""

from __future__ import annotations

import re
import shlex
import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import UUID, OperatorError, shown

# Ansible splits the value of -e at blanks and renders it as a template, however well a shell's quotes protect it.
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*\Z")
# Names of LVM and Ceph may have a plus, too.
_NAME = re.compile(r"[A-Za-z0-9_.+][A-Za-z0-9_.+-]*\Z")
_VIRSH = "virsh "
_RESTART = "systemctl restart nova-compute"
_PLAYBOOK = "ansible-playbook -i nova_computes.yml openstack_ops.day2."

if t.TYPE_CHECKING:
    from ansible_collections.openstack_ops.day2.plugins.module_utils._compute_audit.facts import Commands


class Remedy(t.NamedTuple):
    """A command and where to run it: a host, cloud, nova, ceph or controller. Without a command, refused says why."""

    on: str
    command: str
    refused: str = ""
    irreversible: bool = False


def uuid(value: str) -> str:
    """The id. Raises OperatorError for anything else."""
    if not UUID.match(value):
        raise OperatorError(f"{shown(value)} is not a UUID")
    return value


def word(value: str) -> str:
    """The value, made of letters, digits, dots, underscores and dashes. Raises OperatorError for anything else."""
    if not _WORD.match(value):
        raise OperatorError(f"{shown(value)} has other characters than letters, digits, '.', '_' and '-'")
    return value


def name(value: str) -> str:
    """The name of a volume, group, pool or image. Raises OperatorError for anything else."""
    if not _NAME.match(value):
        raise OperatorError(f"{shown(value)} is not a name that LVM and Ceph give")
    return value


def path(value: str) -> str:
    """The absolute path, quoted for a shell. Raises OperatorError where it has characters that a terminal acts upon."""
    if not value.startswith("/") or not value.isprintable():
        raise OperatorError(f"{shown(value)} is not an absolute path of printable characters")
    return shlex.quote(value)


_CHECKS: dict[str, t.Callable[[str], str]] = {"uuid": uuid, "word": word, "name": name, "path": path}


def remedy(on: str, template: str, **values: str) -> Remedy:
    """The template with its values, each checked by the word before the first underscore of its name."""
    try:
        return Remedy(
            on, template.format(**{key: _CHECKS[key.partition("_")[0]](value) for key, value in values.items()})
        )
    except OperatorError as exc:
        return Remedy(on, "", f"No command is suggested, for it could do something else: {exc}.")


def beside(given: Remedy, commands: Commands | None) -> Remedy:
    """The same as that host runs it: virsh in libvirt's container, and nova-compute by its unit. None is a host that wasn't asked."""
    line = given.command
    if commands is None or not line:
        return given
    try:
        if line.startswith(_VIRSH):  # a line of virsh and ids alone
            line = line.replace(_VIRSH, _virsh(commands["virsh"]))
        if line == _RESTART:
            line = _restart(commands["unit"])
    except OperatorError as exc:
        return given._replace(command="", refused=f"No command is suggested: {exc}.")
    return given._replace(command=line)


def _restart(unit: str | None) -> str:
    if unit is None:
        raise OperatorError("the unit of nova-compute isn't known there")
    return f"systemctl restart {word(unit)}"


def _virsh(where: t.Sequence[str] | None) -> str:
    if where is None:
        raise OperatorError("how virsh runs there isn't known")
    if not where:
        return _VIRSH
    engine, container = where
    if engine not in ("docker", "podman"):
        raise OperatorError(f"{shown(engine)} is no container engine")
    return f"{engine} exec -i {word(container)} {_VIRSH}"


def irreversible(on: str, template: str, **values: str) -> Remedy:
    """A command that destroys something for good: told only where that is asked for."""
    return remedy(on, template, **values)._replace(irreversible=True)


def playbook(which: str, limit: str, more: str = "", **values: str) -> Remedy:
    """A playbook of this collection for one host of the inventory."""
    line = f"{_PLAYBOOK}{which} --limit {{word_limit}}" + (f" {more}" if more else "")
    return remedy("controller", line, word_limit=limit, **values)
