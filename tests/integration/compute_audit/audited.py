# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A compute of the lab's cloud, whatever its host is: what the cloud says and does of it, the audit, and carrying out what a finding suggests."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import typing as t
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration import warm
from tests.places import CLOUD, CLOUDS_YAML, ROOT
from tests.waiting import until

BIN = CLOUD / "venv/bin"
NOVA = CLOUD / "state/etc/nova"


def environment(**more: str) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("OS_", "ANSIBLE_", "OPENSTACK_"))}
    return {
        **clean,
        "OS_CLOUD": "mini",
        "OS_CLIENT_CONFIG_FILE": str(CLOUDS_YAML),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv/collections"),
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_PIPELINING": "true",
        "no_proxy": "*",
        **more,
    }


def run(*words: str, timeout: float = 600, data: str = "", **more: str) -> str:
    done = subprocess.run(
        words, env=environment(**more), input=data, capture_output=True, text=True, timeout=timeout, check=False
    )
    return _said(done)


def _said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, f"{shlex.join(done.args)}\n{done.stdout[-6000:]}{done.stderr[-3000:]}"
    return done.stdout


@dataclass
class Audited:
    folder: Path
    cloud: t.Any
    """The admin's connection, an openstack.connection.Connection."""
    host: str
    rules: Path = field(init=False)
    """What the operator keeps, with what the inventory nova_computes would say of the ports: findings name it."""
    flavors: dict[int, t.Any] = field(default_factory=dict)
    instances: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rules = self.folder / "rules.yml"

    # ----------------------------------------------------------- the host's
    def ssh(self, command: str, data: str = "") -> str:
        """What a shell on the host says to this."""
        raise NotImplementedError

    def log(self) -> str:
        """What its nova-compute has said at last."""
        raise NotImplementedError

    @property
    def variables(self) -> dict[str, str]:
        """How Ansible reaches the host."""
        raise NotImplementedError

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
        return next(
            (str(one["hypervisor_hostname"]) for one in found if one["service"]["host"] == self.host), self.host
        )

    def inventory(self) -> dict[str, dict[str, t.Any]]:
        """What Placement has of this compute, by resource."""
        provider = self.provider()
        if not provider:
            return {}
        found = self.get("placement", f"/resource_providers/{provider}/inventories")["inventories"]
        return t.cast("dict[str, dict[str, t.Any]]", found)

    def used(self, resource: str) -> int:
        """How much of a resource of this compute Placement has given away."""
        usages = self.get("placement", f"/resource_providers/{self.provider()}/usages")["usages"]
        return int(usages.get(resource, 0))

    def wait_for(self, resource: str, **wanted: int) -> None:
        """Until nova-compute has told Placement so."""

        def last() -> str:
            return f"{self.inventory().get(resource)}. nova-compute says: {self.log()}"

        until(
            f"Placement has {wanted} of {resource}", lambda: wanted.items() <= self.inventory().get(resource, {}).items(),
            seen=last, every=0.5,
        )  # fmt: skip

    def migrate(self, server: str, host: str) -> str:
        """Live; the id of the migration, when Nova has ended it."""
        self.cloud.compute.live_migrate_server(server, block_migration="auto", host=host)
        status = ""

        def completed() -> str:
            nonlocal status
            (migration,) = self.cloud.compute.migrations(instance_uuid=server)
            status = migration.status
            assert status not in ("error", "failed", "cancelled"), self.log()
            return str(migration.uuid) if status == "completed" else ""

        return str(
            until(
                f"the migration to {host} is completed",
                completed,
                seen=lambda: f"{status}. nova-compute says: {self.log()}",
                every=0.5,
            )
        )

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
            name=name, image_id=image.id, flavor_id=self.flavor(disk).id, networks="none", host=self.host
        )
        self.instances.append(made.id)

        def ended() -> t.Any:
            found = self.cloud.compute.get_server(made.id)
            return found if found.status in ("ACTIVE", "ERROR") else None

        return until(
            f"{name} is ACTIVE or in ERROR",
            ended,
            seen=lambda: self.cloud.compute.get_server(made.id).status,
            every=0.25,
        )

    def fault(self, server: str) -> str:
        """Why a server is in error. Nova writes the state first and the reason after it."""
        told = until(
            f"Nova says why {server} is in error",
            lambda: self.get("compute", f"/servers/{server}")["server"].get("fault"), every=0.25,
        )  # fmt: skip
        return str(told["message"])

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
        """Write something else into this compute's inventories in Placement."""
        path = f"/resource_providers/{self.provider()}/inventories"
        told = self.get("placement", path)
        for resource, change in changes.items():
            told["inventories"][resource].update(change)
        answer = self.cloud.placement.put(path, json=told, microversion="1.28")
        assert answer.status_code == 200, answer.text

    def delete_servers(self) -> None:
        """Those on this compute, and those that found no place. Nova does without a nova-compute that has been down for a minute."""
        servers = [
            server
            for server in self.cloud.compute.servers(all_projects=True)
            if server.compute_host == self.host or server.id in self.instances
        ]
        for server in servers:
            self.cloud.compute.delete_server(server, force=True)
        for server in servers:
            self.cloud.compute.wait_for_delete(server, interval=0.5, wait=300)

    def forget(self) -> None:
        """Have Nova and Placement forget this compute, also what a killed run has left of it."""
        self.delete_servers()
        provider = self.provider()
        if provider:
            for consumer in self.get("placement", f"/resource_providers/{provider}/allocations")["allocations"]:
                self.allocate(consumer)
        for one in self.get("compute", "/os-hypervisors/detail")["hypervisors"]:
            if one["service"]["host"] == self.host and not provider:
                # Nova fails (500) to delete a compute that Placement doesn't know.
                named = {"name": one["hypervisor_hostname"], "uuid": one["id"]}
                self.cloud.placement.post("/resource_providers", json=named, microversion="1.20")
        for service in self.get("compute", "/os-services?binary=nova-compute")["services"]:
            if service["host"] == self.host:
                answer = self.cloud.compute.delete(f"/os-services/{service['id']}", microversion="2.53")
                assert answer.status_code == 204, answer.text
        provider = self.provider()
        if provider:
            # Its service was deleted while nova-compute still ran; under another id it would keep the next compute from its name.
            answer = self.cloud.placement.delete(f"/resource_providers/{provider}")
            assert answer.status_code == 204, answer.text

    # -------------------------------------------------------------- Ansible
    def ansible(self, *words: str, timeout: float = 600) -> str:
        inventory = self.folder / "hosts.yml"
        inventory.write_text(json.dumps({"nova_computes": {"hosts": {self.host: self.variables}}}))
        assert words[0] == "ansible-playbook"
        # Somewhere where the clock shows another hour than in UTC.
        done = warm.playbook(("-i", str(inventory), *words[1:]), environment(TZ="America/New_York"), timeout=timeout)
        return _said(done)

    def audit(self, *words: str) -> dict[str, t.Any]:
        report = self.folder / "audit.json"
        self.said = self.ansible(
            "ansible-playbook", "openstack_ops.day2.audit_computes", "-e", "compute_audit_margin=0", "-e", "compute_audit_irreversible=true",
            "-e", f"compute_audit_json={report}", "-e", f"compute_audit_html={self.folder}/audit.html", *words,
        )  # fmt: skip
        return t.cast("dict[str, t.Any]", json.loads(report.read_text()))

    def python(self, program: bytes) -> str:
        """What Python on the host says to this program."""
        return self.ssh("/usr/bin/python3", program.decode())

    def look(self, *, everything: bool = False, cinder: bool = False) -> dict[str, t.Any]:
        """The same as `audit` finds, many times faster: what most questions are answered by."""
        from tests.integration.compute_audit import in_process  # the collection can't be imported yet when this file is

        reports = str(self.folder / "audit.json"), str(self.folder / "audit.html")
        return in_process.look(self.host, self.python, *reports, everything=everything, cinder=cinder)

    def found(self, *words: str) -> set[tuple[str, str]]:
        report = self.audit(*words) if words else self.look()
        return {(one["kind"], one["subject"]) for one in report["findings"]}

    def finding(self, kind: str, subject: str) -> dict[str, str]:
        """The only finding, which has to be this one; else everything that the audit compared is told."""
        report = self.look()
        found = [(one["kind"], one["subject"]) for one in report["findings"]]
        assert found == [(kind, subject)], json.dumps(report, indent=1)
        return t.cast("dict[str, str]", report["findings"][0])

    def remedy(self, finding: dict[str, str]) -> None:
        """Run what a finding suggests, as an operator would paste it, where it says."""
        command, where = finding["remedy"], finding["remedy_on"]
        if where == self.host:
            self.ssh(command)
        elif where == "controller":
            words = shlex.split(command)
            assert words[:3] == ["ansible-playbook", "-i", "nova_computes.yml"]
            self.ansible(words[0], *(word.replace("@rules.yml", f"@{self.rules}") for word in words[3:]))
        else:
            command = command.replace("nova-manage ", f"nova-manage --config-file {NOVA}/nova.conf ")
            path = f"{BIN}:{os.environ['PATH']}"
            run("sh", "-ec", command, PATH=path, OS_PLACEMENT_API_VERSION="1.28")
