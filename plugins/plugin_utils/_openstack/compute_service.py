# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nova-compute service of one host: in or out of Nova's scheduling."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, changed_meanwhile

from .computes import Record
from .config import Query, find_regions
from .connect import Region, Service

#: With this microversion a service is changed by its id, and with a reason. Nova has it since Pike.
_MICROVERSION = "2.53"
_NEEDS = "changing a compute service needs the admin role, or policies that let another role list and update compute services."


@dataclass(frozen=True)
class ServiceState:
    status: str
    """enabled or disabled."""
    disabled_reason: str
    """Empty where nobody gave one."""


@dataclass(frozen=True)
class ServiceChange:
    """What was found, what it becomes, and what Nova is sent for it; None where nothing is to be done."""

    before: ServiceState
    after: ServiceState
    sent: dict[str, str] | None

    @property
    def changed(self) -> bool:
        return self.sent is not None

    def diff(self) -> dict[str, dict[str, str]]:
        return {"before": asdict(self.before), "after": asdict(self.after)}


def plan(found: ServiceState, state: str, reason: str) -> ServiceChange:
    """A service that is disabled for another reason is left alone."""
    if state == "disabled" and found.status == "enabled":
        sent = {"status": "disabled", "disabled_reason": reason}
        return ServiceChange(found, ServiceState("disabled", reason), sent)
    if state == "enabled" and found == ServiceState("disabled", reason):
        return ServiceChange(found, ServiceState("enabled", ""), {"status": "enabled"})
    return ServiceChange(found, found, None)


def bring_about(query: Query, host: str, state: str, reason: str, *, check_mode: bool) -> ServiceChange:
    """Look, change what is to be changed, and look again.

    Raises OperatorError where Nova can't be asked, has no such service, or doesn't do it.
    """
    nova = _nova(query)
    row = _find(nova, host)
    change = plan(_state(row), state, reason)
    if change.sent and not check_mode:
        nova.put(f"/os-services/{row['id']}", change.sent, _MICROVERSION)
        if _state(_find(nova, host)) != change.after:
            raise changed_meanwhile(f"Nova's service nova-compute on {host}")
    return change


def _nova(query: Query) -> Service:
    regions = find_regions(query)
    if len(regions) != 1:
        names = ", ".join(str(region.region_name) for region in regions)
        raise OperatorError(
            f"The cloud {regions[0].name} has the regions {names}; name the host's with the option region."
        )
    region = Region(regions[0], _NEEDS)
    region.log_in()
    nova = region.nova()
    newest = nova.newest_microversion()
    if newest < (2, 53):
        raise OperatorError(
            f"Nova of the cloud {regions[0].name} knows microversions up to {newest[0]}.{newest[1]} only; {_MICROVERSION} is "
            "needed to change a compute service with a reason. Use openstack compute service set instead."
        )
    return nova


def _find(nova: Service, host: str) -> Record:
    answer = nova.get("/os-services", [("host", host), ("binary", "nova-compute")], _MICROVERSION)
    services: list[Record] = (answer or {}).get("services", [])
    if len(services) != 1:
        raise OperatorError(
            f"Nova has {len(services)} services nova-compute on {host}, wanted one; name the host as Nova calls it "
            "(host in nova.conf)."
        )
    return services[0]


def _state(row: Record) -> ServiceState:
    return ServiceState(str(row["status"]), row.get("disabled_reason") or "")
