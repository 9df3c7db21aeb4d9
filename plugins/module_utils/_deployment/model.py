# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a host and its services. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from .._common import OperatorError


@dataclass(frozen=True)
class Service:
    """One service of this host. None is unknown, and an empty tuple is nothing.

    conf: files and folders that it reads, on this host, in its order; None where they are no files of this host.
    write: the file of them that an option is set in. folder: where a file can be put that it reads as well, whether or not it is there yet.
    Both are None where a change on this host would be lost or read by nobody.
    files: by its path as the service has it, the file or folder of this host that a container copies it from whenever it starts.
    unit: what systemd (or an init script) calls it. container: what its engine calls it.
    restart: a command, in words. exec: words to put before a command that is to run beside the service; none where it runs on the host itself.
    uid, gid: the account that it runs as.
    """

    name: str
    conf: t.Optional[tuple[str, ...]] = ()
    write: t.Optional[str] = None
    folder: t.Optional[str] = None
    files: t.Mapping[str, str] = field(default_factory=dict)
    unit: t.Optional[str] = None
    container: t.Optional[str] = None
    restart: t.Optional[tuple[str, ...]] = None
    exec: t.Optional[tuple[str, ...]] = ()
    user: t.Optional[str] = None
    uid: t.Optional[int] = None
    gid: t.Optional[int] = None

    def source_of(self, path: str) -> t.Optional[str]:
        """Where a path of the service is on this host; None for one that its container doesn't copy from here."""
        if not self.container:
            return path
        return outside([Mount(here, inside) for inside, here in self.files.items()], path)

    def public(self) -> dict[str, t.Any]:
        """As the module returns it."""
        return {
            "conf": None if self.conf is None else list(self.conf),
            "write": self.write,
            "folder": self.folder,
            "files": dict(self.files),
            "unit": self.unit,
            "container": self.container,
            "restart": None if self.restart is None else list(self.restart),
            "exec": None if self.exec is None else list(self.exec),
            "user": self.user,
            "uid": self.uid,
            "gid": self.gid,
        }


@dataclass(frozen=True)
class Deployment:
    """A host as its deployer made it.

    evidence: the files and folders that tell the deployer. owner: who owns the configuration. lasts: what happens to a change of it.
    logs: patterns of files on this host that services log to, because they log neither to syslog nor to the journal.
    instances, inside: the instances path on this host and as nova-compute has it; None without a nova-compute, or where it isn't known.
    unknown: by what can't be told, the reason.
    """

    deployer: str
    evidence: tuple[str, ...]
    owner: str
    lasts: str
    services: t.Mapping[str, Service]
    engine: t.Optional[str] = None
    libvirt_uri: t.Optional[str] = None
    libvirt_binding: t.Optional[str] = None
    ovsdb: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    inside: t.Optional[str] = None
    instances: t.Optional[str] = None
    unknown: t.Mapping[str, str] = field(default_factory=dict)

    def service(self, name: str) -> Service:
        """The service of this name. Raises OperatorError for one that isn't on this host."""
        if name in self.services:
            return self.services[name]
        raise OperatorError(
            f"There is no {name} on this host, which {self.deployer} made ({', '.join(self.evidence)}); "
            f"it has {', '.join(sorted(self.services)) or 'no service that is known'}. Run this where {name} is."
        )

    def file_of(self, name: str) -> str:
        """The file that sets an option of this service. Raises OperatorError where a change would be lost or read by nobody."""
        found = self.service(name)
        if not found.write:
            raise OperatorError(
                f"An option of {name} can't be set on this host: it belongs to {self.owner}. {self.lasts}".rstrip()
            )
        return found.write

    def unit_of(self, name: str) -> str:
        """The unit of this service. Raises OperatorError where there is none."""
        found = self.service(name)
        if not found.unit:
            why = self.unknown.get(name) or f"neither systemd nor /etc/init.d of this host has a unit of {name}."
            raise OperatorError(
                f"Nothing on this host could make {name} read {found.write or 'its configuration'}: {why}"
            )
        return found.unit

    def changeable(self, name: str) -> tuple[str, str]:
        """file_of() and unit_of() of this service. Raises OperatorError as they do."""
        return self.file_of(name), self.unit_of(name)

    def public(self) -> dict[str, t.Any]:
        """As the module returns it."""
        return {
            "deployer": self.deployer,
            "evidence": list(self.evidence),
            "owner": self.owner,
            "lasts": self.lasts,
            "engine": self.engine,
            "libvirt": {"uri": self.libvirt_uri, "binding": self.libvirt_binding},
            "ovsdb": list(self.ovsdb),
            "logs": list(self.logs),
            "instances": {"inside": self.inside, "path": self.instances},
            "services": {name: one.public() for name, one in sorted(self.services.items())},
            "unknown": dict(self.unknown),
        }

    def with_unknown(self, what: str, why: str) -> Deployment:
        """The same, with a reason more."""
        return replace(self, unknown={**self.unknown, what: why})


@dataclass(frozen=True)
class Mount:
    """A mount of a container: the same place outside and inside."""

    source: str
    destination: str


def outside(mounts: t.Iterable[Mount], path: str) -> t.Optional[str]:
    """Where a path of a container is on the host; None where it is in the container's own layer."""
    best: t.Optional[Mount] = None
    for one in mounts:
        here = one.destination.rstrip("/")
        if (path == here or path.startswith(here + "/")) and (
            best is None or len(here) > len(best.destination.rstrip("/"))
        ):
            best = one
    return best.source.rstrip("/") + path[len(best.destination.rstrip("/")) :] if best else None
