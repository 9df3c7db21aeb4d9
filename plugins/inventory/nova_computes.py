# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: nova_computes
short_description: Get the computes of an OpenStack cloud, with the ports of their instances
version_added: 0.1.0
author:
  - openstack_ops.day2 contributors (@openstack-ops)
description:
  - Hosts of this inventory are Nova's compute hosts, not the instances. Each has a variable C(compute) with its service
    state, hypervisor, aggregates, availability zone and Placement's numbers, and a variable C(instance_ports) with
    every instance port that is bound there, its devices on the host, addresses and instance.
  - Reads a YAML file whose name ends in C(nova_computes.yml) or C(nova_computes.yaml). An option that there isn't is an error.
  - Needs the admin role. Neutron shows networks, subnets and floating IPs of all projects to no other, whatever its policies say.
  - A list that contradicts another one is an error, since an incomplete list would take limits away; a cell that doesn't answer, a
    list cut to the own project, or floating IPs that one worker denies, are such.
  - However many servers there are, eight lists are asked for and, of each compute, its servers and twice its numbers in
    Placement; all side by side, in pages of 1000. With C(-vv) the plugin tells the number of its requests and the
    seconds of each list.
  - Whatever a tenant can write (names of servers, networks and policies) is marked unsafe, so it is never a template.
requirements:
  - openstacksdk >= 1.0
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
notes:
  - Log-in is openstacksdk's own, from C(clouds.yaml) (a password, an application credential, a token, ...) or from
    the C(OS_*) environment variables.
  - Every option can also be given in the environment, since AWX ignores the source variables of an inventory that comes
    from a project. O(compose), O(groups) and O(keyed_groups) belong into the file, which AWX does read.
  - A bare metal host (ironic) is one host with all its nodes in C(compute.hypervisors). As none of them is the
    hypervisor of that host, C(compute.hypervisor_hostname), the other facts of the hypervisor and C(compute.placement) are V(null) there.
  - A port that is being live-migrated has two bindings. It is shown on the host of the active one, that is on the
    source until the instance runs on the destination.
  - A port that is not bound is shown on the host that Nova names for its instance, with C(plug) V(unsupported).
  - A trunk's subport has no device of its own, since its traffic passes that of the trunk's parent port. As a port that its owner has
    taken from its server can be made a subport, too, it is shown like any other, with V(trunk:subport) in C(claims).
  - A port's owner may change its C(device_id) and C(device_owner) at any time. So a port is tied to a server of the
    port's own project only, and of the host that it is bound to unless the server is on its way to another; a bound port that names no such
    server is still shown, with C(instance) V(null).
    What is bound to a compute is shown, whatever its owner calls it; one that says it is a service's (C(network:*)) has that in
    C(claims). Ports of no project, such as a router's gateway, and those of distributed routers are left out.
  - C(own_network) says whether a network belongs to the port's project alone, so neither shared nor external.
  - A flavor's C(extra_specs) are V(null) where the cloud's policy hides them or Nova is older than Pike (2.47).
  - By default, Ansible goes on without hosts after an inventory source has failed.
    Set E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED) to V(true) to stop there.
options:
  plugin:
    description: Says that this file is for this plugin.
    type: str
    required: true
    choices: [openstack_ops.day2.nova_computes]
  cloud:
    description:
      - The cloud's name in C(clouds.yaml).
      - Left out, it is the one that the C(OS_*) variables describe, or the only one in C(clouds.yaml).
    type: str
    env:
      - name: OPENSTACK_OPS_CLOUD
      - name: OS_CLOUD
  clouds_yaml_path:
    description:
      - The client configuration to read before those that openstacksdk looks for
        (C(./clouds.yaml), C(~/.config/openstack/clouds.yaml), C(/etc/openstack/clouds.yaml)).
    type: str
    env:
      - name: OPENSTACK_OPS_CLOUDS_YAML_PATH
      - name: OS_CLIENT_CONFIG_FILE
  regions:
    description:
      - The regions to read, all at once. In the environment separated by commas.
      - Left out, they are those that C(clouds.yaml) lists as C(regions) of the cloud, or its C(region_name).
    type: list
    elements: str
    default: []
    env:
      - name: OPENSTACK_OPS_REGIONS
      - name: OS_REGION_NAME
  region_errors:
    description:
      - What to do when a region can't be read while others can.
      - With V(fail) there is no inventory. With V(warn) there is one without the hosts of that region, with a warning
        that gives the reason, and it isn't cached.
      - When no region can be read there is no inventory, whatever is said here.
    type: str
    choices: [fail, warn]
    default: fail
    env:
      - name: OPENSTACK_OPS_REGION_ERRORS
  region_suffix:
    description:
      - Append the region to the name of every host (C(cmp01.RegionOne)), for regions that have hosts of the same name.
        Without it, such a name is an error.
    type: bool
    default: false
    env:
      - name: OPENSTACK_OPS_REGION_SUFFIX
  interface:
    description:
      - Which of the catalog's endpoints to use. Left out, it is what C(clouds.yaml) says, or V(public).
    type: str
    choices: [public, internal, admin]
    env:
      - name: OPENSTACK_OPS_INTERFACE
      - name: OS_INTERFACE
  timeout:
    description:
      - Seconds to wait for each answer. Left out, it is C(api_timeout) in C(clouds.yaml), or 60.
      - A request is repeated once when there is no answer, and twice after an answer of 429, 500, 502, 503 or 504, after the pause that
        the service asks for if that is at most 60 seconds. A list that breaks off is read again from its beginning, up to three times.
    type: float
    env:
      - name: OPENSTACK_OPS_TIMEOUT
  instance_ports:
    description:
      - Read servers, ports, networks, subnets, floating IPs, QoS policies and trunks. Off, there is no C(instance_ports) and only
        Nova's small lists are read.
    type: bool
    default: true
    env:
      - name: OPENSTACK_OPS_INSTANCE_PORTS
  placement:
    description: Read Placement's inventories and usages. Off, C(compute.placement) is V(null).
    type: bool
    default: true
    env:
      - name: OPENSTACK_OPS_PLACEMENT
  hosts:
    description:
      - Shell patterns (V(cmp1*)); only hosts whose Nova name matches one of them are shown. In the environment
        separated by commas.
    type: list
    elements: str
    default: []
    env:
      - name: OPENSTACK_OPS_HOSTS
  at_hosts:
    description:
      - Read and show these hosts alone, by Nova's name of them, each with all of its ports. However large the cloud is, only what belongs
        to them is asked for, so this is fast. Meant for one run, after an event for example, with C(-e).
      - Together with O(at_ports) and O(at_projects), the hosts that any of them names.
    type: list
    elements: str
    default: []
    env:
      - name: OPENSTACK_OPS_AT_HOSTS
    vars:
      - name: nova_computes_at_hosts
  at_ports:
    description: Read and show the hosts that these ports (by id) are on, as with O(at_hosts).
    type: list
    elements: str
    default: []
    env:
      - name: OPENSTACK_OPS_AT_PORTS
    vars:
      - name: nova_computes_at_ports
  at_projects:
    description: Read and show the hosts that have ports of these projects (by id), as with O(at_hosts).
    type: list
    elements: str
    default: []
    env:
      - name: OPENSTACK_OPS_AT_PROJECTS
    vars:
      - name: nova_computes_at_projects
  tenant_text:
    description:
      - Tell the names that tenants give to instances, networks and QoS policies. Off, they are V(null).
      - Switch it off for an inventory that is kept in a file, for ansible-core takes that for its owner's text, with all templates in it.
    type: bool
    default: true
    env:
      - name: OPENSTACK_OPS_TENANT_TEXT
  only:
    description:
      - Show only hosts whose compute service is V(up), or V(enabled), or both. In the environment separated by commas.
    type: list
    elements: str
    choices: [up, enabled]
    default: []
    env:
      - name: OPENSTACK_OPS_ONLY
  inventory_hostname:
    description:
      - What a host is called. V(host) is Nova's own name of it (C(host) in nova.conf). V(hypervisor_hostname) is what
        its hypervisor says, often with the domain; a host without exactly one hypervisor has Nova's name then, too.
    type: str
    choices: [host, hypervisor_hostname]
    default: host
    env:
      - name: OPENSTACK_OPS_INVENTORY_HOSTNAME
  use_host_ip:
    description:
      - Set C(ansible_host) to C(compute.host_ip), the address that nova-compute has reported (C(my_ip) in nova.conf). O(compose) can set it to anything else.
    type: bool
    default: false
    env:
      - name: OPENSTACK_OPS_USE_HOST_IP
  group:
    description: A group that all hosts are put into.
    type: str
    default: nova_computes
    env:
      - name: OPENSTACK_OPS_GROUP
seealso:
  - name: openstack.cloud.openstack
    description: The inventory of the instances themselves.
    link: https://docs.ansible.com/ansible/latest/collections/openstack/cloud/openstack_inventory.html
"""

EXAMPLES = r"""
# nova_computes.yml, with a clouds.yaml where openstacksdk looks for it, and OS_CLOUD naming the cloud:
plugin: openstack_ops.day2.nova_computes

---
# lab.nova_computes.yml: Groups by availability zone, aggregate and service state, as in
#   ansible 'az_az1:&state_up' -m ansible.builtin.ping
plugin: openstack_ops.day2.nova_computes
cloud: lab
strict: true
keyed_groups:
  - {prefix: az, key: compute.availability_zone}
  - {prefix: aggregate, key: compute.aggregates}
  - {prefix: state, key: compute.state}
  - {prefix: service, key: compute.service_status}
  - {prefix: ssd, key: "compute.aggregate_metadata.values() | map(attribute='ssd', default='unknown') | unique | list"}
groups:
  drained: compute.service_status == 'disabled' and not instance_ports
  hybrid_plug: instance_ports | selectattr('plug', 'eq', 'ovs_hybrid') | list | length > 0
compose:
  ansible_host: compute.hypervisor_hostname
  vcpus_free: >-
    (compute.placement.inventories.VCPU.total - compute.placement.inventories.VCPU.reserved)
    * compute.placement.inventories.VCPU.allocation_ratio - compute.placement.usages.VCPU

---
# both.nova_computes.yml: Two regions; one that can't be reached costs a warning, and computes are told apart by region.
plugin: openstack_ops.day2.nova_computes
cloud: production
regions: [north, south]
region_errors: warn
region_suffix: true
interface: internal
only: [up]
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/nova_computes
cache_timeout: 600

---
# In AWX: nova_computes.yml as in the first example, in the project; a custom credential type whose injector sets
#   env:
#     OS_AUTH_TYPE: v3applicationcredential
#     OS_AUTH_URL: https://keystone.example.com/v3
#     OS_APPLICATION_CREDENTIAL_ID: "{{ id }}"
#     OS_APPLICATION_CREDENTIAL_SECRET: "{{ secret }}"
#     OPENSTACK_OPS_REGIONS: "{{ regions }}"
#     OPENSTACK_OPS_USE_HOST_IP: "true"
plugin: openstack_ops.day2.nova_computes

# What a host has (ansible-inventory -i nova_computes.yml --host cmp01 --yaml):
#
# compute:
#   host: cmp01
#   cloud: lab
#   region: RegionOne
#   state: up                       # up, down, or unknown when Nova can't reach its cell
#   service_status: disabled        # enabled, disabled, or unknown
#   disabled_reason: new disks
#   forced_down: false
#   availability_zone: az1
#   aggregates: [rack1]
#   aggregate_metadata: {rack1: {availability_zone: az1}}
#   hypervisor_id: 4cd1a3a8-938d-426c-a9e9-61c7fec1fcbd
#   hypervisor_hostname: cmp01.example.com
#   hypervisor_type: QEMU
#   hypervisor_version: 8002004
#   host_ip: 192.0.2.11
#   hypervisors: [...]              # all of them, for there can be none or many
#   placement:                      # of the compute's root provider
#     inventories: {VCPU: {total: 64, reserved: 0, allocation_ratio: 4.0, ...}, ...}
#     usages: {VCPU: 12, MEMORY_MB: 24576, DISK_GB: 120}
#   external_subnets: [203.0.113.0/24] # of all external networks of the region
# instance_ports:
#   - port_id: fc618310-b936-4247-a5e4-2389a9d8c50e
#     mac: fa:16:3e:2e:1d:9b
#     status: ACTIVE
#     project_id: 3e2957cc29844e4aaabb952cef82afcf
#     vif_type: ovs
#     vnic_type: normal
#     plug: ovs_hybrid              # ovs_hybrid, bridge, ovs, ovn or unsupported
#     unsupported_reason: null      # or the reason
#     devices: {tap: tapfc618310-b9, qbr: qbrfc618310-b9, qvb: qvbfc618310-b9, qvo: qvofc618310-b9}
#     network_id: 87590488-0714-4eb8-8c27-0963a032dec2
#     network_name: data
#     network_shared: false         # with all projects
#     network_external: false       # both are null where Neutron doesn't tell
#     own_network: true             # of the port's own project, neither shared nor external
#     claims: null                  # or the service whose port it says it is, such as network:dhcp, or trunk:subport
#     subports: [{port_id: ..., segmentation_id: 100, own_network: true, fixed_ips: [...], other_subnets: [...]}] # of a trunk's parent
#     fixed_ips: [{ip: 192.0.2.130, subnet_id: ..., cidr: 192.0.2.128/25, ip_version: 4, gateway_ip: 192.0.2.129}]
#     other_subnets:                # of the same network, without an address of this port
#       - {subnet_id: ..., cidr: "2001:db8:1::/64", ip_version: 6}
#     floating_ips: [{id: ..., address: 203.0.113.56, fixed_ip: 192.0.2.130}]
#     qos_policy: null              # or {id: ..., name: bronze, from: port or network, limits: [egress]}
#     instance:                     # null when the port names no server of its project
#       id: 480cb82d-9bc5-4034-a14d-8799e33aad97
#       name: leaf1
#       libvirt_name: instance-00000003
#       project_id: 3e2957cc29844e4aaabb952cef82afcf
#       status: ACTIVE
#       vm_state: active
#       task_state: null
#       power_state: running
#       flavor: {name: m1.small, vcpus: 2, ram: 2048, disk: 10, ephemeral: 0, swap: 0, extra_specs: {...}}
"""

import hashlib
import json
import os
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from fnmatch import fnmatchcase

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.client import FetchedRegion, fetch
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.computes import ComputeHost, build
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import Query, find_regions, identity
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.options import check_options, names_plugin
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.unsafe import (
    make_unsafe,
    without_tenant_text,
)

if t.TYPE_CHECKING:
    from ansible.inventory.data import InventoryData
    from ansible.parsing.dataloader import DataLoader
    from openstack.config.cloud_region import CloudRegion

_ENDINGS = ("nova_computes.yml", "nova_computes.yaml")
_NARROWING = ("at_hosts", "at_ports", "at_projects")


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "openstack_ops.day2.nova_computes"

    def verify_file(self, path: str) -> bool:
        """Whether the file is for this plugin. Raises AnsibleParserError for one that names it, and has another name.

        Ansible asks each plugin that is enabled, and takes an error for a no; the plugin auto, which asks on behalf of the
        file's line `plugin`, shows the error.
        """
        if not super().verify_file(path):
            return False
        if path.endswith(_ENDINGS):
            return True
        if names_plugin(path, self.NAME):
            raise AnsibleParserError(
                f"The inventory {path} is for {self.NAME}, so its name has to end in {' or '.join(_ENDINGS)}; rename it."
            )
        return False

    def parse(self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        written = self._read_config_data(path)
        try:
            check_options(path, written, self.option_definitions)
        except OperatorError as exc:
            raise AnsibleParserError(str(exc)) from None
        query = Query(
            # An empty variable of the environment is how job templates leave one out. (A path would become the folder.)
            cloud=self.get_option("cloud") or None,
            clouds_yaml=os.path.expanduser(self.get_option("clouds_yaml_path") or "") or None,
            regions=tuple(region for region in self.get_option("regions") if region),
            interface=self.get_option("interface"),
            instance_ports=self.get_option("instance_ports"),
            placement=self.get_option("placement"),
            timeout=self.get_option("timeout"),
            **{name: tuple(one for one in self.get_option(name) if one) for name in _NARROWING},
        )
        try:
            regions = find_regions(query)
            self._place(self._hosts(regions, query, path, cache))
        except OperatorError as exc:
            raise AnsibleParserError(str(exc)) from None

    def _hosts(self, regions: list[CloudRegion], query: Query, path: str, cache: bool) -> list[ComputeHost]:
        """From the cache where that is wanted and has them, else from the cloud."""
        if not self.get_option("cache"):
            return self._fetch(regions, query)[0]
        asked = json.dumps([asdict(query), [identity(region) for region in regions]], sort_keys=True)
        key = f"{self.get_cache_key(path)}_{hashlib.sha256(asked.encode()).hexdigest()[:16]}"
        # `cache` is false after --flush-cache and `meta: refresh_inventory`.
        if cache:
            try:
                return t.cast(list[ComputeHost], self._cache[key])
            except KeyError:
                pass
        hosts, complete = self._fetch(regions, query)
        # A region that was away for a moment must not stay away until the cache ends.
        if complete:
            self._cache[key] = hosts
        return hosts

    def _fetch(self, regions: list[CloudRegion], query: Query) -> tuple[list[ComputeHost], bool]:
        """The hosts of all regions, and whether no region is missing."""

        def answer(region: CloudRegion) -> FetchedRegion | OperatorError:
            try:
                return fetch(region, query)
            except OperatorError as exc:
                return exc

        with ThreadPoolExecutor(len(regions)) as pool:
            answers = list(pool.map(answer, regions))
        errors = [found for found in answers if isinstance(found, OperatorError)]
        if errors and (len(errors) == len(answers) or self.get_option("region_errors") == "fail"):
            raise errors[0]
        for error in errors:
            self.display.warning(f"A region is missing in this inventory: {error}")

        hosts: list[ComputeHost] = []
        for found in answers:
            if isinstance(found, OperatorError):
                continue
            for remark in found.remarks:
                self.display.warning(remark)
            built = [
                host
                for host in build(found.lists, instance_ports=query.instance_ports)
                # Of others no ports were read, and a host without ports may lose its limits.
                if found.at is None or host["compute"]["host"] in found.at
            ]
            hosts += built
            self._report(found, built)
        return hosts, not errors

    def _report(self, answer: FetchedRegion, hosts: list[ComputeHost]) -> None:
        lists, ports = answer.lists, sum(len(host.get("instance_ports", ())) for host in hosts)
        seconds = ", ".join(f"{name} {spent:.2f}" for name, spent in answer.seconds.items())
        self.display.vv(
            f"nova_computes: {lists['cloud']} {lists['region']}: {len(hosts)} computes, {len(lists['servers'])} servers, "
            f"{ports} instance ports of {len(lists['ports'])} ports; "
            f"{answer.requests} requests, {answer.further_pages} of them for further pages; seconds: {seconds}"
        )

    def _place(self, hosts: list[ComputeHost]) -> None:
        group = self.inventory.add_group(self._sanitize_group_name(self.get_option("group")))
        strict = self.get_option("strict")
        placed: dict[str, ComputeHost] = {}
        for host in hosts:
            if not self._wanted(host):
                continue
            name = self._name(host)
            if name in placed:
                if placed[name]["compute"]["region"] == host["compute"]["region"]:
                    raise AnsibleParserError(
                        f"Nova of the region {host['compute']['region']} has two services nova-compute on {name}, as after a host was moved to "
                        "another cell. Delete the one that isn't used any more (openstack compute service delete)."
                    )
                raise AnsibleParserError(
                    f"The regions {placed[name]['compute']['region']} and {host['compute']['region']} both have a "
                    f"compute {name}; set region_suffix to true to tell them apart."
                )
            placed[name] = host
            told = host if self.get_option("tenant_text") else without_tenant_text(host)
            variables: dict[str, t.Any] = make_unsafe(dict(told))
            if self.get_option("use_host_ip") and host["compute"]["host_ip"]:
                variables["ansible_host"] = host["compute"]["host_ip"]
            self.inventory.add_host(name, group=group)
            for key, value in variables.items():
                self.inventory.set_variable(name, key, value)
            self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
            self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
            self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)

    def _wanted(self, host: ComputeHost) -> bool:
        compute, only = host["compute"], self.get_option("only")
        if "up" in only and compute["state"] != "up":
            return False
        if "enabled" in only and compute["service_status"] != "enabled":
            return False
        patterns = self.get_option("hosts")
        return not patterns or any(fnmatchcase(compute["host"], pattern) for pattern in patterns)

    def _name(self, host: ComputeHost) -> str:
        compute = host["compute"]
        name = compute["host"]
        if self.get_option("inventory_hostname") == "hypervisor_hostname":
            name = compute["hypervisor_hostname"] or name
        return f"{name}.{compute['region']}" if self.get_option("region_suffix") else name
