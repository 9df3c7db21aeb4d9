# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cinder.conf, glance-api.conf and nova.conf say about clients, pools and secrets in Ceph. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .ini import Sections, same_section

_CONF = "/etc/ceph/ceph.conf"


@dataclass(frozen=True)
class Use:
    """A service's use of a cluster: its name for people, the client without `client.`, the pool, and the file that says where the cluster is.

    uuid is what guests are told: empty where the cluster's fsid is, None where guests aren't told any.
    """

    service: str
    name: str
    client: str
    pool: str
    conf: str
    uuid: t.Optional[str] = None
    #: Of a Cinder backend, what volume types ask for; of a Glance store, whether images' URLs are shown: what is set, as text.
    more: str = ""
    #: Whether all of it is said in the backend's own section, and not for all backends or in an older form.
    plain: bool = True

    def public(self) -> dict[str, t.Any]:
        return dict(vars(self))


def cinder_uses(sections: Sections) -> list[Use]:
    """The enabled RBD backends, with what [backend_defaults] says for all of them, and backups in Ceph."""
    default = sections.get("DEFAULT", {})
    shared = sections.get("backend_defaults", {})
    found = []
    for name in _words(default.get("enabled_backends", "")):
        own = {**shared, **sections.get(same_section(name), {})}
        if "rbd" in own.get("volume_driver", "").lower():
            found.append(
                Use(
                    "cinder",
                    f"Cinder's backend {name}",
                    own.get("rbd_user", ""),
                    own.get("rbd_pool", "rbd"),
                    own.get("rbd_ceph_conf") or _CONF,
                    own.get("rbd_secret_uuid", "").lower(),
                    own.get("volume_backend_name", ""),
                    not {"volume_driver", "rbd_user", "rbd_pool"} & set(shared),
                )
            )
    if default.get("backup_driver", "").startswith("cinder.backup.drivers.ceph"):
        found.append(
            Use(
                "cinder",
                "Cinder's backup",
                default.get("backup_ceph_user", "cinder"),
                default.get("backup_ceph_pool", "backups"),
                default.get("backup_ceph_conf") or _CONF,
            )
        )
    return found


def glance_uses(sections: Sections) -> list[Use]:
    """The RBD stores, of either way to name them."""
    found = []
    for entry in _words(sections.get("DEFAULT", {}).get("enabled_backends", "")):
        name, _colon, kind = entry.partition(":")
        if kind.strip() == "rbd":
            url = sections.get("DEFAULT", {}).get("show_image_direct_url", "")
            found.append(_store(name.strip(), sections.get(same_section(name.strip()), {}), url))
    store = sections.get("glance_store", {})
    if not sections.get("DEFAULT", {}).get("enabled_backends") and "rbd" in _words(store.get("stores", "")):
        found.append(_store("rbd", store, "", plain=False))
    return found


def _store(name: str, options: t.Mapping[str, str], url: str, *, plain: bool = True) -> Use:
    return Use(
        "glance",
        f"Glance's store {name}",
        options.get("rbd_store_user", ""),
        options.get("rbd_store_pool", "images"),
        options.get("rbd_store_ceph_conf") or _CONF,
        more=url,
        plain=plain,
    )


def nova_uses(sections: Sections) -> list[Use]:
    """Instances' own disks, where they are in Ceph."""
    options = sections.get("libvirt", {})
    if options.get("images_type") != "rbd":
        return []
    return [
        Use(
            "nova",
            "Nova",
            options.get("rbd_user", ""),
            options.get("images_rbd_pool", "rbd"),
            options.get("images_rbd_ceph_conf") or _CONF,
            options.get("rbd_secret_uuid", "").lower(),
        )
    ]


#: The file of each service, and who reads it there.
FILES: t.Mapping[str, tuple[str, t.Callable[[Sections], list[Use]], tuple[str, ...]]] = {
    "cinder": ("/etc/cinder/cinder.conf", cinder_uses, ("cinder-volume",)),
    "glance": ("/etc/glance/glance-api.conf", glance_uses, ("glance-api",)),
    "nova": ("/etc/nova/nova.conf", nova_uses, ("nova-compute",)),
}


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
