# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an image's data really goes: a small image is made, written and removed."""

from __future__ import annotations

import contextlib
import socket
import typing as t

from .._common import OperatorError, no_binding

try:
    import rbd
except ImportError:
    rbd = None

_SIZE = 1 << 20


def data_of_an_image(cluster: t.Any, client: str, pool: str, data: str) -> str:
    """Make an image as the client would, write to it, and say what is wrong with where its data went; empty where it went to the pool `data`.

    The image has the same name each time, so that one which a killed run left goes with the next. Raises OperatorError where the client can't
    make, write or remove it.
    """
    if rbd is None:
        raise no_binding("rbd")
    name = f"openstack_ops.day2.proof.{socket.gethostname()}.{client}"
    where = cluster.open_ioctx(pool)
    try:
        with contextlib.suppress(rbd.ImageNotFound):
            rbd.RBD().remove(where, name)
        rbd.RBD().create(where, name, _SIZE, old_format=False)
        try:
            with rbd.Image(where, name) as image:
                image.write(b"day2", 0)
                image.flush()
                found = cluster.pool_reverse_lookup(image.data_pool_id())
                first = f"{image.stat()['block_name_prefix']}.{0:016x}"
            cluster.open_ioctx(found).stat(first)
        finally:
            rbd.RBD().remove(where, name)
    except rbd.ImageBusy:
        return (
            f"{client} can't prove where images in {pool} have their data: another run is at it with {name}. Run again."
        )
    except (rbd.Error, OSError) as exc:
        raise OperatorError(
            f"{client} can't make and write an image ({name}) in {pool}, where its data should go to {data}: {exc}."
        ) from None
    if found == data:
        return ""
    return (
        f"An image that {client} makes in {pool} has its data in {found}, not in {data}: rbd_default_data_pool of [{client}] in ceph.conf is "
        f"{cluster.conf_get('rbd_default_data_pool') or 'not set'}, and `rbd config pool ls {pool}` says what overrides it. Run connect_ceph.yml."
    )
