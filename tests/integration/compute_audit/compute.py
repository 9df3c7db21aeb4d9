# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A compute of the lab's cloud whose host is a machine with real libvirt and LVM.

nova-compute itself runs beside the cloud's services, with the lab's virt driver: it tells Placement the sizes of the machine. What its
libvirt driver would make on the host for an instance, a domain and a logical volume, the tests make by hand. The machine's nova.conf is
the one that counts: when the machine's nova-compute.service is restarted, it is carried over and nova-compute started again.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import typing as t
import uuid
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
CACHE = Path(
    os.environ.get("DAY2_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openstack_ops.day2"
)
CLOUD = CACHE / "cloud"
BIN = CLOUD / "venv/bin"
NOVA = CLOUD / "state/etc/nova"
HOST = "audit01"
GROUP = "vgnova"
INSTANCES = "/var/lib/nova/instances"
HOSTILE = "</script><b>{{ lookup('pipe', 'touch /tmp/pwned') }}"

_NOVA_CONF = f"""[DEFAULT]
host = {HOST}
transport_url = rabbit://nova:hidden@192.0.2.1
[libvirt]
images_type = lvm
images_volume_group = {GROUP}
"""
_UNIT = """[Service]
ExecStart=/bin/sleep infinity
"""
_DOMAIN = """<domain type='qemu'>
  <name>{name}</name><uuid>{uuid}</uuid>
  <metadata>{metadata}</metadata>
  <memory unit='MiB'>32</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>{disk}</devices>
</domain>
"""
_NOVA = (
    '<nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1"><nova:name>x</nova:name></nova:instance>'
)
_DISK = "<disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='/dev/{}/{}_disk'/><target dev='vda' bus='virtio'/></disk>"


def environment(**more: str) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("OS_", "ANSIBLE_", "OPENSTACK_"))}
    return {
        **clean,
        "OS_CLOUD": "mini",
        "OS_CLIENT_CONFIG_FILE": str(CLOUD / "clouds.yaml"),
        "ANSIBLE_COLLECTIONS_PATH": str(TOP / ".venv/collections"),
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "no_proxy": "*",
        **more,
    }


def run(*words: str, timeout: float = 300, data: str = "", **more: str) -> str:
    done = subprocess.run(
        words, env=environment(**more), input=data, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout[-6000:]}{done.stderr[-3000:]}"
    return done.stdout


@dataclass
class Compute:
    folder: Path
    cloud: t.Any
    """The admin's connection, an openstack.connection.Connection."""
    nova_compute: subprocess.Popen[bytes] | None = None
    restarted: str = ""
    flavors: dict[int, t.Any] = field(default_factory=dict)
    instances: list[str] = field(default_factory=list)

    # -------------------------------------------------------------- machine
    def lab(self, *words: str) -> str:
        return run(
            str(TOP / "tests/lab/machine"),
            *words,
            timeout=400,
            DAY2_MACHINES=str(self.folder / "vm"),
            MACHINE_DISK="8G",
        )

    def ssh(self, command: str, data: str = "") -> str:
        return run(
            str(TOP / "tests/lab/machine"), "ssh", HOST, command, data=data, DAY2_MACHINES=str(self.folder / "vm")
        )

    def up(self) -> None:
        self.forget()
        self.lab("up", HOST)
        self.ssh(f"vgcreate -q {GROUP} /dev/ubdb; install -d -m 755 /etc/nova /var/lib/nova {INSTANCES}")
        self.ssh("timeout 60 sh -c 'until virsh -q list; do sleep 0.5; done'")
        self.ssh("cat > /etc/nova/nova.conf", _NOVA_CONF)
        self.ssh("cat > /etc/systemd/system/nova-compute.service; systemctl start nova-compute", _UNIT)
        size = int(self.ssh(f"vgs --noheadings --nosuffix --units b -o vg_size {GROUP}"))
        self.sizes = {"AUDIT_VCPUS": "8", "AUDIT_MEMORY_MB": "4096", "AUDIT_LOCAL_GB": str(size >> 30)}
        self.carry()
        for _attempt in range(120):
            if any(one["host"] == HOST for one in self.get("compute", "/os-services?binary=nova-compute")["services"]):
                break
            time.sleep(0.5)
        self.wait_for_reserved(0)

    def down(self) -> None:
        if not self.nova_compute:
            self.restarted = ""
            self.carry()
        self.delete_servers()
        self.stop()
        self.forget()
        for flavor in self.flavors.values():
            self.cloud.compute.delete_flavor(flavor)
        self.lab("down", HOST)

    def stop(self) -> None:
        if self.nova_compute:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.nova_compute.pid, signal.SIGTERM)
            self.nova_compute.wait(60)
            self.nova_compute = None

    def carry(self) -> None:
        """What a restart of nova-compute on the machine means: its nova.conf is read."""
        invocation = self.ssh("systemctl show -P InvocationID nova-compute").strip()
        if invocation == self.restarted:
            return
        self.restarted = invocation
        self.stop()
        lines = self.ssh("cat /etc/nova/nova.conf").splitlines()
        reserved = [line for line in lines if line.startswith("reserved_host_disk_mb")]
        (self.folder / "state").mkdir(exist_ok=True)
        conf = self.folder / "nova.conf"
        conf.write_text(
            "\n".join(
                [
                    "[DEFAULT]",
                    f"host = {HOST}",
                    f"state_path = {self.folder}/state",
                    *reserved,
                ]
            )
        )
        with (self.folder / "nova-compute.log").open("ab") as log:
            self.nova_compute = subprocess.Popen(
                [
                    str(BIN / "python"), str(Path(__file__).with_name("nova_compute.py")),
                    "--config-file", str(NOVA / "nova-compute.conf"), "--config-file", str(conf),
                ],
                env=environment(**self.sizes),
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    # ---------------------------------------------------------------- cloud
    def get(self, service: str, path: str) -> t.Any:
        version = {"microversion": "2.53"} if service == "compute" else {"microversion": "1.28"}
        answer = getattr(self.cloud, service).get(path, **version)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def provider(self) -> str:
        found = self.get("placement", f"/resource_providers?name={self.hypervisor()}")["resource_providers"]
        return str(found[0]["uuid"]) if found else ""

    def hypervisor(self) -> str:
        found = self.get("compute", "/os-hypervisors/detail")["hypervisors"]
        return next((str(one["hypervisor_hostname"]) for one in found if one["service"]["host"] == HOST), HOST)

    def reserved(self) -> int | None:
        provider = self.provider()
        if not provider:
            return None
        inventories = self.get("placement", f"/resource_providers/{provider}/inventories")["inventories"]
        return int(inventories["DISK_GB"]["reserved"]) if "DISK_GB" in inventories else None

    def wait_for_reserved(self, gigabytes: int) -> None:
        for _attempt in range(120):
            if self.reserved() == gigabytes:
                return
            if self.nova_compute is None or self.nova_compute.poll() is not None:
                break
            time.sleep(0.5)
        log = (self.folder / "nova-compute.log").read_text()[-2000:]
        raise AssertionError(
            f"Placement doesn't reserve {gigabytes} GB but {self.reserved()}. nova-compute says: {log}"
        )

    def wait_for_total(self, gigabytes: int) -> None:
        total = None
        for _attempt in range(120):
            if provider := self.provider():
                books = self.get("placement", f"/resource_providers/{provider}/inventories")["inventories"]
                total = books.get("DISK_GB", {}).get("total")
            if total == gigabytes:
                return
            time.sleep(0.5)
        raise AssertionError(f"Placement has {total} instead of {gigabytes} GB")

    def flavor(self, disk: int) -> t.Any:
        if disk not in self.flavors:
            self.flavors[disk] = self.cloud.compute.create_flavor(
                name=f"audit-{disk}-{uuid.uuid4().hex[:6]}", vcpus=1, ram=32, disk=disk
            )
        return self.flavors[disk]

    def schedule(self, disk: int, name: str) -> t.Any:
        """Have Nova's scheduler put an instance onto this compute, if Placement lets it; the server as it ends."""
        image = next(iter(self.cloud.image.images()))
        made = self.cloud.compute.create_server(
            name=name, image_id=image.id, flavor_id=self.flavor(disk).id, networks="none", host=HOST
        )
        self.instances.append(made.id)
        for _attempt in range(240):
            made = self.cloud.compute.get_server(made.id)
            if made.status in ("ACTIVE", "ERROR"):
                break
            time.sleep(0.25)
        return made

    def fault(self, server: str) -> str:
        return str(self.get("compute", f"/servers/{server}")["server"].get("fault", {}).get("message"))

    def instance(self, name: str = "audited", *, stopped: bool = False) -> str:
        """An instance with what Nova's libvirt driver would make for it on the host."""
        made = self.schedule(1, name)
        assert made.status == "ACTIVE", self.fault(made.id)
        self.ssh(f"lvcreate -q -y -L 1G -n {made.id}_disk {GROUP}")
        self.define(made.id, f"instance-{len(self.instances):08x}", _DISK.format(GROUP, made.id))
        if stopped:
            self.cloud.compute.stop_server(made)
            self.cloud.compute.wait_for_server(made, status="SHUTOFF", wait=60)
        else:
            self.ssh(f"virsh -q start {made.id}")
        return str(made.id)

    def define(self, identity: str, name: str, disk: str = "", *, metadata: str = _NOVA) -> None:
        self.ssh("virsh -q define /dev/stdin", _DOMAIN.format(name=name, uuid=identity, disk=disk, metadata=metadata))

    def give_memory(self, identity: str, mib: int) -> None:
        """Start a domain again with so much."""
        xml = self.ssh(f"virsh -q destroy {identity}; virsh dumpxml --inactive {identity}")
        self.ssh("virsh -q define /dev/stdin", re.sub(r"(emory unit='KiB'>)\d+", rf"\g<1>{mib * 1024}", xml))
        self.ssh(f"virsh -q start {identity}")

    def put_state(self, server: str, state: str) -> None:
        """What Nova's database says of an instance: some states the lab's configuration doesn't lead to."""
        statement = f"update instances set vm_state = '{state}' where uuid = '{server}'"
        run("mariadb", "--no-defaults", "-S", str(CLOUD / "state/run/mysql.sock"), "nova", "-e", statement)

    def allocate(self, consumer: str, **resources: int) -> None:
        """Have Placement keep this here for a consumer, beside what it keeps elsewhere; nothing, if nothing is given."""
        held = self.get("placement", f"/allocations/{consumer}")
        provider, identity = self.provider(), self.cloud.session.auth.get_access(self.cloud.session)
        kept = {one: {"resources": of["resources"]} for one, of in held["allocations"].items() if one != provider}
        body = {
            "allocations": kept | ({provider: {"resources": resources}} if resources else {}),
            "consumer_generation": held.get("consumer_generation"),
            "project_id": held.get("project_id", identity.project_id),
            "user_id": held.get("user_id", identity.user_id),
        }
        answer = self.cloud.placement.put(f"/allocations/{consumer}", json=body, microversion="1.28")
        assert answer.status_code == 204, answer.text

    def inventories(self, **changes: dict[str, float]) -> None:
        """Have Placement believe something else of this compute."""
        path = f"/resource_providers/{self.provider()}/inventories"
        books = self.get("placement", path)
        for resource, change in changes.items():
            books["inventories"][resource].update(change)
        answer = self.cloud.placement.put(path, json=books, microversion="1.28")
        assert answer.status_code == 200, answer.text

    def delete_servers(self) -> None:
        """Those on this compute. Nova does without a nova-compute that has been down for a minute."""
        servers = [server for server in self.cloud.compute.servers(all_projects=True) if server.compute_host == HOST]
        for server in servers:
            self.cloud.compute.delete_server(server, force=True)
        for server in servers:
            self.cloud.compute.wait_for_delete(server, wait=60)

    def forget(self) -> None:
        """Have Nova and Placement forget this compute, also what a killed run has left of it."""
        self.delete_servers()
        provider = self.provider()
        if provider:
            for consumer in self.get("placement", f"/resource_providers/{provider}/allocations")["allocations"]:
                self.allocate(consumer)
        for one in self.get("compute", "/os-hypervisors/detail")["hypervisors"]:
            if one["service"]["host"] == HOST and not provider:
                # Nova fails (500) to delete a compute that Placement doesn't know.
                named = {"name": one["hypervisor_hostname"], "uuid": one["id"]}
                self.cloud.placement.post("/resource_providers", json=named, microversion="1.20")
        for service in self.get("compute", "/os-services?binary=nova-compute")["services"]:
            if service["host"] == HOST:
                answer = self.cloud.compute.delete(f"/os-services/{service['id']}", microversion="2.53")
                assert answer.status_code == 204, answer.text

    # --------------------------------------------------------------- limits
    @property
    def rules(self) -> Path:
        """What the operator keeps, with what the inventory nova_computes would say of the port."""
        return self.folder / "rules.yml"

    def plug(self, port: str, **limit: str) -> None:
        """A port's device, and the rules for it."""
        self.ssh(f"ip tuntap add mode tap tap{port[:11]}; ip link set tap{port[:11]} up")
        told: dict[str, t.Any] = {
            "port_id": port, "plug": "ovs", "mac": "fa:16:3e:00:00:01", "status": "ACTIVE", "vif_type": "ovs", "vnic_type": "normal",
            "unsupported_reason": None, "network_id": port, "network_name": "net", "fixed_ips": [], "other_subnets": [], "floating_ips": [],
            "qos_policy": None, "project_id": port, "instance": {
                "id": self.instances[1], "name": HOSTILE, "libvirt_name": "instance-00000002", "project_id": port, "status": "ACTIVE",
                "vm_state": "active", "task_state": None, "power_state": 1,
                "flavor": {"name": "f", "vcpus": 1, "ram": 32, "disk": 1, "ephemeral": 0, "swap": 0, "extra_specs": {}},
            },
        }  # fmt: skip
        rules = [{"name": "everybody", "limit": {"egress": limit, "ingress": limit}}]
        self.rules.write_text(json.dumps({"instance_ports": [told], "instance_qos_rules": rules}))

    # -------------------------------------------------------------- Ansible
    def ansible(self, *words: str, timeout: float = 300) -> str:
        inventory = self.folder / "hosts.yml"
        inventory.write_text(json.dumps({"nova_computes": {"hosts": {HOST: {
            "ansible_user": "root", "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_common_args": f"-F {self.folder}/vm/ssh_config",
        }}}}))  # fmt: skip
        # Somewhere where the clock shows another hour than in UTC.
        return run(
            str(Path(sys.executable).parent / words[0]),
            "-i",
            str(inventory),
            *words[1:],
            timeout=timeout,
            TZ="America/New_York",
        )

    def audit(self, *words: str) -> dict[str, t.Any]:
        report = self.folder / "audit.json"
        self.said = self.ansible(
            "ansible-playbook", "openstack_ops.day2.audit_computes", "-e", "compute_audit_margin=0",
            "-e", f"compute_audit_json={report}", "-e", f"compute_audit_html={self.folder}/audit.html", *words,
        )  # fmt: skip
        return t.cast("dict[str, t.Any]", json.loads(report.read_text()))

    def found(self, *words: str) -> set[tuple[str, str]]:
        return {(one["kind"], one["subject"]) for one in self.audit(*words)["findings"]}

    def mend(self, finding: dict[str, str]) -> None:
        """Run what a finding suggests, as an operator would paste it, where it says."""
        command, where = finding["mend"], finding["mend_on"]
        if where == HOST:
            self.ssh(command)
        elif where == "controller":
            words = shlex.split(command)
            assert words[:3] == ["ansible-playbook", "-i", "nova_computes.yml"]
            self.ansible(words[0], *(word.replace("@rules.yml", f"@{self.rules}") for word in words[3:]))
        else:
            words = shlex.split(command)
            if words[0] == "nova-manage":
                words[1:1] = ["--config-file", str(NOVA / "nova.conf")]
            elif words[:3] == ["openstack", "resource", "provider"]:
                words[1:1] = ["--os-placement-api-version", "1.28"]
            run(str(BIN / words[0]), *words[1:])
