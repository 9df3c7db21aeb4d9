#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ceph_host_info
short_description: Show the Ceph configuration, secrets and keyrings of a host
version_added: 0.1.0
description:
  - Reads libvirt's secrets, keyring files, C(ceph.conf), and what C(cinder.conf), C(glance-api.conf) and C(nova.conf) say about Ceph, as far as they are there.
  - Keys are shown as fingerprints, which can be compared with those of M(openstack_ops.day2.ceph_cluster_info) and from which the key can't be recovered.
extends_documentation_fragment:
  - openstack_ops.day2.attributes.info
  - openstack_ops.day2.ceph_host
options:
  keyrings:
    description: A pattern for the keyring files.
    type: str
    default: /etc/ceph/*keyring*
seealso:
  - module: openstack_ops.day2.ceph_cluster_info
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: What is there already
  openstack_ops.day2.ceph_host_info:
  register: found
"""

RETURN = r"""
conf:
  description: >-
    C(path), C(fsid) and C(mon_host) of the configuration file, and C(data_pools), the data pools of new images by section; empty where it isn't there.
  returned: success
  type: dict
secrets:
  description: Ceph's secrets of libvirt; null where that isn't known.
  returned: success
  type: list
  elements: dict
keyrings:
  description: The keyring files, with C(owner), C(group), C(mode), and fingerprints by C(clients).
  returned: success
  type: list
  elements: dict
uses:
  description: What services' files say about Ceph; C(same_conf) says whether they name the configuration file O(conf), and so this cluster.
  returned: success
  type: list
  elements: dict
unknown:
  description: What couldn't be read, and why.
  returned: success
  type: dict
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import survey
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.proof import HOST_SPEC, paths_of
from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run


def job(module: AnsibleModule) -> Outcome:
    params = module.params
    unknown: dict[str, str] = {}
    secrets: t.Optional[list[dict[str, t.Any]]] = None
    try:
        secrets = survey.secrets(params["uri"])
    except OperatorError as exc:
        unknown["secrets"] = str(exc)
    conf: dict[str, t.Any] = {}
    try:
        conf = survey.conf(params["conf"])
    except (OperatorError, OSError) as exc:
        unknown["conf"] = str(exc)
    return Outcome(
        False,
        dict(
            conf=conf,
            secrets=secrets,
            keyrings=survey.keyrings(params["keyrings"], unknown),
            uses=survey.uses(paths_of(params), params["conf"], unknown),
            unknown=unknown,
        ),
    )


def main() -> None:
    keyrings = dict(type="str", default="/etc/ceph/*keyring*", no_log=False)  # a pattern, no secret
    spec = dict(keyrings=keyrings, **HOST_SPEC)
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), job)


if __name__ == "__main__":
    main()
