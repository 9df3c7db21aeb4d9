# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pool that Nova keeps instances' disks in, seen as nova-compute sees it: with its user and its keyring. Changes nothing."""

from __future__ import annotations

import contextlib
import json
import typing as t

from .._ceph.monitors import Access, connect
from .._ceph.usage import read_usage
from .._common import OperatorError, no_binding
from . import parse

try:
    import rados
    import rbd
except ImportError:
    rados = rbd = None

if t.TYPE_CHECKING:
    from .facts import PoolImages, PoolUse


class Place(t.NamedTuple):
    """images_rbd_ceph_conf, images_rbd_pool and rbd_user of nova.conf."""

    conf: str
    pool: str
    user: str


def use(place: Place) -> PoolUse:
    """The pool: its cluster and sizes in bytes; stored and free without the copies. Raises OperatorError where Ceph doesn't tell, or has no such pool."""
    with _cluster(place) as cluster:
        rc, out, err = cluster.mon_command(json.dumps({"prefix": "df", "format": "json"}), b"")
        if rc:
            raise OperatorError(f"Ceph doesn't tell client.{place.user} how full its pools are: {err.strip() or rc}")
        found = next((one for one in read_usage(json.loads(out)) if one.name == place.pool), None)
        if not found and cluster.pool_exists(place.pool):
            raise OperatorError(
                f"Ceph hasn't counted yet what is in the new pool {place.pool}; look again in some seconds."
            )
        if not found:
            raise OperatorError(f"The cluster has no pool {place.pool}, which images_rbd_pool of nova.conf names.")
        return {
            "fsid": str(cluster.get_fsid()),
            "pool": place.pool,
            "stored": found.stored,
            "free": found.max_avail,
        }


def images(place: Place) -> PoolImages:
    """The images in the pool that are called as Nova calls its disks, each with its instance. Raises OperatorError where they can't be listed."""
    with _cluster(place) as cluster:
        try:
            with contextlib.closing(cluster.open_ioctx(place.pool)) as ioctx:
                names = sorted(rbd.RBD().list(ioctx))
        except (rados.Error, rbd.Error) as exc:
            raise OperatorError(f"client.{place.user} can't list the images in the pool {place.pool}: {exc}") from None
        found = ((name, parse.image(name)) for name in names)
        return {
            "fsid": str(cluster.get_fsid()),
            "pool": place.pool,
            "images": [{"name": name, "instance": instance} for name, instance in found if instance],
        }


@contextlib.contextmanager
def _cluster(place: Place) -> t.Iterator[t.Any]:
    if rbd is None:
        raise no_binding("rbd")
    cluster = connect(Access(place.conf, f"client.{place.user}"))
    try:
        yield cluster
    finally:
        cluster.shutdown()
