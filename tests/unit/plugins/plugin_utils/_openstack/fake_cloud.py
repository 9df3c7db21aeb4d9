# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cloud of lists, on a loopback port: what Keystone, Nova, Neutron and Placement answer, and what they refuse.

It holds what an OpenStack 2025.1 has answered (fixtures/lists-2025.1.json), and is as strict as the real APIs where
that has mattered: tokens, roles, microversions, unknown query parameters, pages.
"""

from __future__ import annotations

import copy
import json
import threading
import time
import typing as t
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

FIXTURES = Path(__file__).with_name("fixtures")
PASSWORD = "correct horse battery staple"
APPLICATION_CREDENTIAL = ("21dced0fd20347869b93710d2b98aae0", "rEaqvJka48mpv")
_NOVA_QUERIES = {
    "servers/detail": {"all_tenants", "limit", "marker", "host", "status", "soft_deleted"},
    "servers": {"all_tenants", "limit", "marker", "changes-since", "host", "soft_deleted"},
    "os-migrations": {"limit", "marker", "changes-since", "status", "migration_type"},
    "os-hypervisors/detail": {"limit", "marker"},
    "os-services": {"binary", "host"},
    "os-aggregates": set(),
    "flavors/detail": {"is_public", "limit", "marker"},
}
_KEYS = {
    "servers": "servers",
    "os-migrations": "migrations",
    "servers/detail": "servers",
    "os-hypervisors/detail": "hypervisors",
    "os-services": "services",
    "flavors/detail": "flavors",
}


def recorded(name: str = "lists-2025.1.json") -> t.Any:
    return json.loads((FIXTURES / name).read_text())


@dataclass
class FakeCloud:
    """Change its fields to change the cloud."""

    lists: dict[str, t.Any] = field(default_factory=recorded)
    admin: bool = True
    project: str = "p"
    #: By a policy of its own, Nova may show everything to somebody who is no admin.
    nova_is_generous: bool = False
    regions: tuple[str, ...] = ("RegionOne",)
    services: tuple[str, ...] = ("compute", "network", "placement")
    newest: tuple[int, int] = (2, 100)
    page: int = 1000
    no_neutron_extensions: bool = False
    #: Neutron shows all attributes of ports to somebody who sees only those of this project.
    ports_of: str = ""
    #: Nova says that a service is changed, and it isn't.
    frozen: bool = False
    #: Servers of a cell whose database doesn't answer.
    unreached: set[str] = field(default_factory=set)
    failures: dict[str, list[int]] = field(default_factory=dict)
    """By the end of a path: the codes that the next requests get instead of an answer; 0 is the right one, 200 one that is cut off."""
    retry_after: str = ""
    other: set[str] = field(default_factory=set)
    """Ends of paths that are answered with an object that has nothing of what was asked for."""
    short: dict[str, list[int]] = field(default_factory=dict)
    """By the end of a path: how many rows the next answers have, right as they look otherwise."""
    delays: dict[str, float] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __enter__(self) -> FakeCloud:
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            # Without this each of the client's requests needs a connection of its own.
            protocol_version = "HTTP/1.1"
            # Head and body are written apart; the second would wait 40 ms for the first one's acknowledgement.
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                cloud._handle(self)

            def do_POST(self) -> None:
                cloud._handle(self)

            def do_PUT(self) -> None:
                cloud._handle(self)

            def do_DELETE(self) -> None:
                cloud._handle(self)

            def log_message(self, *args: t.Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def clouds_yaml(self, folder: Path, password: str = PASSWORD, **extra: t.Any) -> str:
        """A clouds.yaml that names this cloud `fake`."""
        auth = {
            "auth_url": f"{self.url}/v3",
            "username": "operator",
            "password": password,
            "project_name": "admin",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        }
        path = folder / "clouds.yaml"
        path.write_text(json.dumps({"clouds": {"fake": {"auth": auth, "region_name": self.regions[0], **extra}}}))
        return str(path)

    def count(self, ending: str) -> int:
        return sum(urlsplit(asked).path.endswith(ending) for asked in self.asked)

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        parts = urlsplit(request.path)
        self.asked.append(request.path)
        for ending, seconds in self.delays.items():
            if parts.path.endswith(ending):
                time.sleep(seconds)
        code, answer = 0, t.cast("t.Any", None)
        headers: dict[str, str] = {}
        for ending, codes in self.failures.items():
            if parts.path.endswith(ending) and codes and (code := codes.pop(0)):
                answer = {"error": {"message": "as the test wished"}}
                headers = {"Retry-After": self.retry_after} if self.retry_after else {}
        if not code:
            code, answer, headers = self._answer(request, parts.path, parts.query, body)
        answer = self._less(parts.path, answer)
        try:
            payload = json.dumps(answer).encode()
            if code == 200 and "error" in (answer or {}):
                payload = payload[:20]
            request.send_response(code)
            for key, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(payload)),
                **headers,
            }.items():
                request.send_header(key, value)
            request.end_headers()
            request.wfile.write(payload)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client waited no longer

    def _less(self, path: str, answer: t.Any) -> t.Any:
        """The answer, shorter or another one where a test wants that."""
        if any(path.endswith(ending) for ending in self.other):
            return {"something": "else"}
        for ending, counts in self.short.items():
            if path.endswith(ending) and counts:
                key = next(
                    key for key, rows in answer.items() if isinstance(rows, (list, dict)) and "_links" not in key
                )
                rows, left = answer[key], list(answer[key])[: counts.pop(0)]
                return {key: left if isinstance(rows, list) else {name: rows[name] for name in left}}
        return answer

    def _answer(
        self, request: BaseHTTPRequestHandler, path: str, query: str, body: bytes
    ) -> tuple[int, t.Any, dict[str, str]]:
        if path.rstrip("/") == "/v3":
            links = [{"rel": "self", "href": f"{self.url}/v3/"}]
            return 200, {"version": {"id": "v3.14", "status": "stable", "links": links}}, {}
        if path == "/v3/auth/tokens":
            return self._token(json.loads(body)["auth"]["identity"])
        service, region, rest = path.split("/", 3)[1:]
        if region not in self.regions:
            return 404, {}, {}
        # Nova tells its versions to everybody.
        if request.headers.get("X-Auth-Token") != "a-token" and rest != "v2.1/":
            return 401, {"error": {"message": "no token"}}, {}
        if service == "compute":
            version = request.headers.get("OpenStack-API-Version") or "compute 2.1"
            sent = json.loads(body) if request.command == "PUT" else None
            return self._nova(version, path, rest, query, sent)
        if service == "network":
            return self._neutron(path, rest, query)
        return self._place(rest, parse_qs(query))

    def _token(self, identity: dict[str, t.Any]) -> tuple[int, t.Any, dict[str, str]]:
        if identity["methods"] == ["password"]:
            right = identity["password"]["user"]["password"] == PASSWORD
        else:
            given = identity["application_credential"]
            right = (given["id"], given["secret"]) == APPLICATION_CREDENTIAL
        if not right:
            return 401, {"error": {"code": 401, "message": "The request you have made requires authentication."}}, {}
        roots = {"compute": "v2.1/", "network": "", "placement": "", "image": "", "block-storage": ""}
        catalog = [
            {
                "type": service,
                "name": service,
                "endpoints": [
                    {
                        "id": f"{service}-{region}-{interface}",
                        "interface": interface,
                        "region": region,
                        "region_id": region,
                        "url": f"{self.url}/{service}/{region}/{roots[service]}",
                    }
                    for region in self.regions
                    for interface in ("public", "internal")
                ],
            }
            for service in self.services
        ]
        token = {
            "methods": identity["methods"],
            "expires_at": "2099-01-01T00:00:00.000000Z",
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "user": {"id": "u", "name": "operator", "domain": {"id": "default", "name": "Default"}},
            "project": {"id": self.project, "name": "admin", "domain": {"id": "default", "name": "Default"}},
            "roles": [{"id": "r", "name": "admin" if self.admin else "member"}],
            "catalog": catalog,
        }
        return 201, {"token": token}, {"X-Subject-Token": "a-token"}

    def _nova(
        self, version: str, path: str, rest: str, query: str, sent: dict[str, str] | None
    ) -> tuple[int, t.Any, dict[str, str]]:
        newest = f"2.{self.newest[1]}"
        rest = rest.removeprefix("v2.1/")
        if not rest:
            links = [{"rel": "self", "href": f"{self.url}{path}"}]
            shown = {"id": "v2.1", "status": "CURRENT", "min_version": "2.1", "version": newest, "links": links}
            return 200, {"version": shown}, {}
        asked = tuple(int(part) for part in version.split()[-1].split("."))
        if asked > self.newest:
            return 406, {"computeFault": {"message": f"Version {version} is not supported"}}, {}
        if not (self.admin or self.nova_is_generous):
            return 403, {"forbidden": {"message": "Policy doesn't allow it to be performed."}}, {}
        if sent is not None:
            return self._update_service(rest, asked, sent)
        if rest.startswith("os-hypervisors/") and rest != "os-hypervisors/detail":
            known = [row for row in self.lists["hypervisors"] if rest.endswith(row["id"])]
            return (200, {"hypervisor": known[0]}, {}) if known else (404, {"itemNotFound": {"code": 404}}, {})
        if rest.startswith("servers/") and rest != "servers/detail":
            return self._one_server(rest.removeprefix("servers/"))
        params = parse_qs(query)
        if not set(params) <= _NOVA_QUERIES[rest]:
            return 400, {"badRequest": {"message": f"unknown parameter in {query}"}}, {}
        key = _KEYS.get(rest, "aggregates")
        rows = copy.deepcopy(self.lists.get(key, []))
        if key == "servers" and "all_tenants" not in params:
            rows = []
        if key == "servers" and set(params) - {"all_tenants", "limit", "marker"}:
            # With any filter, Nova leaves out the cells that don't answer.
            rows = [row for row in rows if row["id"] not in self.unreached]
        if "status" in params:
            rows = [row for row in rows if row["status"].lower() == params["status"][0].lower()]
        if "changes-since" in params:
            rows = [row for row in rows if row["updated"] >= params["changes-since"][0]]
        if "host" in params:
            column = "OS-EXT-SRV-ATTR:host" if key == "servers" else "host"
            rows = [row for row in rows if row[column] == params["host"][0]]
        if key == "servers" and asked < (2, 47):
            for row in rows:
                row["flavor"] = {"id": "78bde337-a24b-43c6-b164-63e85554998b", "links": []}
        if key == "hypervisors" and asked < (2, 53):
            for number, row in enumerate(rows, 1):
                row["id"] = number
        if key == "hypervisors" and asked >= (2, 88):
            for row in rows:
                for gone in ("vcpus", "memory_mb", "local_gb", "running_vms"):
                    row.pop(gone, None)
        if key not in ("servers", "hypervisors"):
            return 200, {key: rows}, {}
        return 200, self._page(key, rows, query, path, self.page), {}

    def _one_server(self, uuid: str) -> tuple[int, t.Any, dict[str, str]]:
        found = next((row for row in self.lists["servers"] if row["id"] == uuid), None)
        if not found:
            return 404, {"itemNotFound": {"code": 404, "message": f"Instance {uuid} could not be found."}}, {}
        if uuid in self.unreached:
            found = {
                "id": uuid,
                "status": "UNKNOWN",
                "tenant_id": found["tenant_id"],
                "created": found["created"],
                "links": [],
            }
        return 200, {"server": found}, {}

    def _update_service(
        self, rest: str, asked: tuple[int, ...], sent: dict[str, str]
    ) -> tuple[int, t.Any, dict[str, str]]:
        rows = [row for row in self.lists["services"] if row["id"] == rest.removeprefix("os-services/")]
        if asked < (2, 53) or not rows:
            return 404, {"itemNotFound": {"message": "no such service"}}, {}
        reason = sent.get("disabled_reason")
        if not set(sent) <= {"status", "disabled_reason", "forced_down"} or (reason and sent["status"] == "enabled"):
            return 400, {"badRequest": {"message": "no such change"}}, {}
        if not self.frozen:
            rows[0].update(status=sent["status"], disabled_reason=reason)
        return 200, {"service": rows[0]}, {}

    def _neutron(self, path: str, rest: str, query: str) -> tuple[int, t.Any, dict[str, str]]:
        key = rest.rsplit("/", 1)[-1]
        if not rest.startswith("v2.0/") or (
            self.no_neutron_extensions and key in ("policies", "floatingips", "trunks")
        ):
            return 404, {"NeutronError": {"message": "The resource could not be found."}}, {}
        params = parse_qs(query)
        fields = params.get("fields", [])
        if key == "extensions":
            aliases = ["binding", "security-group", *([] if self.no_neutron_extensions else ["router", "qos", "trunk"])]
            return 200, {"extensions": [{"alias": alias} for alias in aliases]}, {}
        rows = self.lists["qos_policies" if key == "policies" else key]
        if not self.admin and key == "ports":
            rows = [row for row in rows if row["device_owner"].startswith("compute:")][:2]
            fields = [name for name in fields if not name.startswith("binding:")]
        if self.ports_of and key == "ports":
            rows = [row for row in rows if row["project_id"] == self.ports_of]
        for column in set(params) - {"fields", "limit", "marker"}:
            rows = [row for row in rows if str(row[column]) in params[column]]
        rows = [{name: row[name] for name in fields if name in row} for row in rows]
        limit = int(params["limit"][0]) if "limit" in params else len(rows)
        return 200, self._page(key, rows, query, path, min(limit, self.page)), {}

    def _place(self, rest: str, params: dict[str, list[str]]) -> tuple[int, t.Any, dict[str, str]]:
        if rest == "traits":
            asked = params["name"][0].removeprefix("in:").split(",")
            known = {trait for one in self.lists["placement"].values() for trait in one.get("traits", ())}
            return 200, {"traits": [name for name in asked if name in known]}, {}
        named = {row["id"]: row["hypervisor_hostname"] for row in self.lists["hypervisors"]}
        if rest == "resource_providers":
            rows = [
                {"uuid": uuid, "name": named.get(uuid, "gone")}
                for uuid, one in self.lists["placement"].items()
                if set(params.get("required", ())) <= set(one.get("traits", ()))
            ]
            return 200, {"resource_providers": rows}, {}
        if rest.startswith("allocations/"):
            consumer = rest.partition("/")[2]
            held = {
                uuid: one["allocations"][consumer]
                for uuid, one in self.lists["placement"].items()
                if consumer in one.get("allocations", {})
            }
            return 200, {"allocations": held}, {}
        provider, what = [*rest.split("/")[1:], ""][:2]
        known = self.lists["placement"].get(provider)
        if known is None:
            return 404, {"errors": [{"status": 404}]}, {}
        if not what:
            return 200, {"uuid": provider, "name": named.get(provider, "gone"), "generation": 2}, {}
        return 200, {"resource_provider_generation": 2, what: known.get(what, {})}, {}

    def _page(self, key: str, rows: list[t.Any], query: str, path: str, size: int) -> dict[str, t.Any]:
        params = dict(parse_qsl(query))
        start = 1 + [row["id"] for row in rows].index(params["marker"]) if "marker" in params else 0
        page: dict[str, t.Any] = {key: rows[start : start + size]}
        if start + size < len(rows):
            following = [pair for pair in parse_qsl(query) if pair[0] != "marker"]
            following.append(("marker", rows[start + size - 1]["id"]))
            # Behind a proxy, an API often doesn't know what it is called outside.
            page[f"{key}_links"] = [{"rel": "next", "href": f"http://inside.example{path}?{urlencode(following)}"}]
        return page
