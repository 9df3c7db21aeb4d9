#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nova_compute_service
short_description: Take a compute out of Nova's scheduling with a reason, and put it back
version_added: 0.1.0
description:
  - Disables the C(nova-compute) service of a host in Nova, so that no new instances are scheduled there, or enables it.
  - A service that somebody has disabled for another reason is left alone in both directions. What is put back is only
    what was taken out with the same O(reason).
  - Runs where the cloud's API is reached, mostly on the controller (C(delegate_to)).
requirements:
  - openstacksdk
attributes:
  check_mode:
    support: full
    description: Asks, and changes nothing.
  diff_mode:
    support: full
    description: Shows the service's status and reason before and after.
  idempotent:
    support: full
    description: A second run changes nothing.
  platform:
    support: full
    platforms: posix
    description: Works wherever openstacksdk does.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
options:
  cloud:
    description: A cloud of C(clouds.yaml). Without it, the environment (C(OS_CLOUD), or C(OS_AUTH_URL) and so on) says which.
    type: str
  host:
    description: The host as Nova calls it.
    type: str
    required: true
  state:
    description: What the service shall be.
    type: str
    choices: [disabled, enabled]
    required: true
  reason:
    description: Why, for those who read C(openstack compute service list --long).
    type: str
    required: true
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: No new instances on this compute
  openstack_ops.day2.nova_compute_service:
    cloud: production
    host: "{{ inventory_hostname }}"
    state: disabled
    reason: instances volume is being resized
  delegate_to: localhost
"""

RETURN = r"""
status:
  description: The service's status at the end, V(enabled) or V(disabled).
  returned: success
  type: str
  sample: disabled
disabled_reason:
  description: Why it is disabled, empty if it isn't or nobody said.
  returned: success
  type: str
  sample: instances volume is being resized
"""

import traceback
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    import openstack
    from openstack import exceptions

    _IMPORT_ERROR = ""
except ImportError:
    _IMPORT_ERROR = traceback.format_exc()

#: With this microversion a service is changed by its id, and with a reason. Nova has it since Pike.
_MICROVERSION = "2.53"


class ServiceError(Exception):
    """A sentence for the operator."""


def plan(status: str, found: str, state: str, reason: str) -> t.Optional[dict[str, str]]:
    """What to send to Nova, or None where nothing is to be done."""
    if state == "disabled" and status == "enabled":
        return {"status": "disabled", "disabled_reason": reason}
    if state == "enabled" and status == "disabled" and found == reason:
        return {"status": "enabled"}
    return None


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            cloud=dict(type="str"),
            host=dict(type="str", required=True),
            state=dict(type="str", choices=["disabled", "enabled"], required=True),
            reason=dict(type="str", required=True),
        ),
        supports_check_mode=True,
    )
    if _IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("openstacksdk"), exception=_IMPORT_ERROR)
    params = module.params
    try:
        compute = openstack.connect(cloud=params["cloud"]).compute
        service = _find(compute, params["host"])
        before = {"status": service["status"], "disabled_reason": service.get("disabled_reason") or ""}
        wanted = plan(before["status"], before["disabled_reason"], params["state"], params["reason"])
        after = before
        if wanted:
            after = {"disabled_reason": "", **wanted}
            if not module.check_mode:
                answer = compute.put(f"/os-services/{service['id']}", json=wanted, microversion=_MICROVERSION)
                exceptions.raise_from_response(answer)
                service = _find(compute, params["host"])
                after = {"status": service["status"], "disabled_reason": service.get("disabled_reason") or ""}
    except (exceptions.SDKException, ServiceError) as exc:
        module.fail_json(msg=f"Nova's service on {params['host']}: {exc}")
    result: dict[str, t.Any] = dict(changed=bool(wanted), **after)
    if module._diff:
        result["diff"] = dict(before=before, after=after)
    module.exit_json(**result)


def _find(compute: t.Any, host: str) -> dict[str, t.Any]:
    answer = compute.get("/os-services", params={"host": host, "binary": "nova-compute"}, microversion=_MICROVERSION)
    exceptions.raise_from_response(answer)
    services = answer.json()["services"]
    if len(services) != 1:
        raise ServiceError(
            f"found {len(services)} nova-compute services of this name, wanted one; is it Nova's own name for the host?"
        )
    return t.cast("dict[str, t.Any]", services[0])


if __name__ == "__main__":
    main()
