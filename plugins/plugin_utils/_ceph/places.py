# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the files that ceph_plan has by the services' paths lie on a host whose deployer keeps them elsewhere. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.given import given
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.model import Deployment, Service
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.overrides import file_kept_by

Row = dict[str, t.Any]

#: Deployers whose services read the host's own files, under their usual paths.
_ON_HOST = ("packages", "openstack-ansible", "charm")
#: Services that use a client's keyring, by the account that they run as, and by the role's variable that may say what restarts them.
_READERS = {"nova": ("nova-compute",), "cinder": ("cinder-volume", "cinder-backup"), "glance": ("glance-api",)}
#: Services whose own configuration the role compares, by the parameter of ceph_client_proof.
_CONFS = {"glance": "glance-api", "cinder": "cinder-volume", "nova": "nova-compute"}
#: What of a row says how libvirt holds the key.
_OF_SECRET = ("secret", "usage", "private", "ephemeral")
SECRETS = "/etc/libvirt/secrets"


@dataclass(frozen=True)
class Places:
    """A host's services; made is None where nothing is known of it, so that the usual paths count."""

    made: Deployment | None = None

    @property
    def _contained(self) -> Deployment | None:
        return self.made if self.made and self.made.deployer not in _ON_HOST else None

    @property
    def _copied(self) -> bool:
        """Whether it is known what of the host containers copy as they start."""
        return bool(self.made and self.made.deployer == "kolla-ansible")

    def _service(self, name: str) -> Service | None:
        return self.made.services.get(name) if self.made and not self._gone(name) else None

    def _gone(self, name: str) -> str:
        """Why a service whose files are on this host isn't there itself; empty for all others."""
        found = self.made.services.get(name) if self.made and self._copied else None
        return self.made.unknown.get(name, "") if self.made and found and not found.unit else ""

    def conf(self, service: str, default: str) -> str:
        """The file that sets a service's options. Raises OperatorError where a change would be lost or read by nobody."""
        if self._contained:
            return self._contained.file_of(service)
        found = self._service(service)
        return (found.write if found else None) or default

    def unit(self, service: str) -> str:
        """What restarts a service. Raises OperatorError where nothing could."""
        if self._contained:
            return self._contained.unit_of(service)
        found = self._service(service)
        return (found.unit if found else None) or service

    def keep(self, service: str, name: str = "", *, gone: bool = False) -> str:
        """What its deployer has to know to keep a file of a service, as file_kept_by() has it; empty where this host's file is the place."""
        return file_kept_by(self.made, service, name, gone=gone) if self.made else ""

    @property
    def confs(self) -> dict[str, str]:
        """By glance, cinder and nova, the configuration to compare with; empty for the usual path."""
        found = {name: self._service(service) if self._contained else None for name, service in _CONFS.items()}
        return {name: (service.write if service else None) or "" for name, service in found.items()}

    @property
    def stored_in(self) -> str:
        """The folder that libvirt's container has its secrets from at each start; empty where libvirt keeps them itself."""
        libvirt = self._service("libvirt")
        return (libvirt.source_of(SECRETS) or "") if libvirt and libvirt.container else ""

    @property
    def uri(self) -> str:
        return (self.made.libvirt_uri if self.made else None) or "qemu:///system"

    # ------------------------------------------------------------------ keyrings
    def keyrings(self, rows: t.Iterable[Row], backups: t.Collection[str], settings: t.Mapping[str, t.Any]) -> list[Row]:
        """A host's clients, with keyrings where their readers' containers copy them from; a row for each of several.

        backups are clients that only cinder-backup uses. Raises OperatorError for a keyring that no service of the host would read; where its
        client is leaving, it is left out.
        """
        return [made for row in rows for made in self._keyrings(row, backups, settings)]

    def _keyrings(self, row: Row, backups: t.Collection[str], settings: t.Mapping[str, t.Any]) -> list[Row]:
        readers = self._readers(row, backups)
        gone = bool(settings.get("leaving"))
        path = row.get("keyring") or ""
        if not self._copied or not path.startswith("/etc/ceph/") or readers is None:
            keyring = f"ceph.client.{row['client']}.keyring"  # of which kolla-ansible makes its own secrets
            return [
                {**row, "keep": self.keep("libvirt", keyring, gone=gone)}
                if row.get("secret") and self.stored_in
                else row
            ]
        places = {found: one for one in readers if one.container for found in [one.source_of(path)] if found}
        if not places and gone:
            return [{key: one for key, one in row.items() if key != "keyring"}] if row.get("secret") else []
        if not places:
            for one in readers:
                if one.container and not one.files:
                    raise OperatorError(
                        f"It isn't known what of the host {one.name}'s container copies, so nobody may read {path}. Add files to services.{one.name} of "
                        "day2_deployment, as deployment_info tells them, or give keyring a path of this host."
                    )
            why = " ".join(filter(None, map(self._gone, self._names(row) or ())))
            raise OperatorError(
                f"Nobody on this host would read {path}: no container of kolla-ansible copies it"
                f"{' (' + ', '.join(one.name for one in readers) + ')' if readers else ''}. {why + ' ' if why else ''}Give it to kolla-ansible first, "
                "by nova_backend: rbd and ceph_nova_user, cinder_backend_ceph or glance_backend_ceph; or give keyring a path of this host."
            )
        return [
            {
                **{key: one for key, one in row.items() if key != "user" and (number == 0 or key not in _OF_SECRET)},
                "keyring": place,
                "owner": "root",  # it copies the file as root
                "group": "root",
                "mode": row.get("mode", "0660"),
                "services": self._restarted(service, settings),
                "keep": self.keep(service.name, path.rpartition("/")[2], gone=gone),
            }
            for number, (place, service) in enumerate(places.items())
        ]

    def _restarted(self, service: Service, settings: t.Mapping[str, t.Any]) -> list[str]:
        """What to restart after a change of what a service copies as it starts."""
        said = next((settings.get(key) or {} for key, names in _READERS.items() if service.name in names), {})
        return list(said.get("services", [service.unit] if service.unit else []))

    def _readers(self, row: Row, backups: t.Collection[str]) -> list[Service] | None:
        """The services of this host that read a client's keyring; None where its reader isn't a service's account."""
        names = self._names(row)
        if names is None:
            return None
        left_out = "cinder-volume" if row["client"] in backups else ""
        return [one for name in names if name != left_out for one in [self._service(name)] if one]

    def _names(self, row: Row) -> tuple[str, ...] | None:
        user = str(row.get("user") or "")
        accounts = {str(one.uid): one.user for one in self.made.services.values() if one.uid} if self.made else {}
        return _READERS.get(accounts.get(user) or user)

    # ----------------------------------------------------------------- ceph.conf
    def ceph_confs(self, path: str, rows: t.Sequence[Row], settings: t.Mapping[str, t.Any]) -> list[Row]:
        """The files that the clients' ceph.conf has to be in on this host, as `path`, `services` and `keep` of service_conf's files.

        rows are the host's clients before keyrings() has changed them.
        """
        found: dict[str, Row] = {}
        for name in self._using(rows, settings) if self._copied else []:
            service = self._service(name)
            here = service.source_of(path) if service else None
            if service and here:
                # Guests' definitions name the monitors, so libvirt can wait for its next start.
                units = self._restarted(service, settings) if service.container and name != "libvirt" else []
                found[here] = {"path": here, "services": units, "keep": self.keep(name, path.rpartition("/")[2])}
        return list(found.values()) or [{"path": path, "services": []}]

    def _using(self, rows: t.Sequence[Row], settings: t.Mapping[str, t.Any]) -> list[str]:
        """The services of a host that use the clients in rows."""
        names: dict[str, None] = {}
        if any(row.get("secret") for row in rows):
            names.update(dict.fromkeys(("nova-compute", "libvirt")))
        for key, services in (("glance", _READERS["glance"]), ("cinder", _READERS["cinder"])):
            if settings.get(key):
                names.update(dict.fromkeys(services))
        for row in rows:
            names.update((one.name, None) for one in self._readers(row, ()) or [] if row.get("keyring"))
        return list(names)


def places_of(deployment: t.Mapping[str, t.Any] | None) -> Places:
    """The places of a host that deployment_info has told; empty where it isn't known. Raises OperatorError for what deployment_info never tells."""
    return Places(given(deployment) if deployment else None)
