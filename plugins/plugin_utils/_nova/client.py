# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a cloud's APIs for what an inventory of computes needs. Authentication and transport are openstacksdk's own.

The lists are read raw, through keystoneauth's adapters: the SDK's resource objects cost more of the client's CPU
for 1000 servers than the whole rest of an inventory run.
"""

from __future__ import annotations

import logging
import os
import time
import typing as t
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import yaml

try:
    import keystoneauth1.exceptions as ks
    import openstack.config
    import openstack.exceptions
    from keystoneauth1.adapter import Adapter
    from keystoneauth1.identity import BaseIdentityPlugin

    SDK_ERROR: ImportError | None = None
except ImportError as exc:
    SDK_ERROR = exc

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._nova.build import Lists, Placement, Record

if t.TYPE_CHECKING:
    from openstack.config.cloud_region import CloudRegion

_Params = list[tuple[str, str]]
_T = t.TypeVar("_T")

# keystoneauth warns on its own about what becomes an error with a sentence here.
logging.getLogger("keystoneauth").addHandler(logging.NullHandler())

# 2.69 tells servers of cells that are down instead of leaving them out, 2.53 gives hypervisors the ids that Placement
# uses, 2.47 puts the flavor into the server. Later ones cost more than they tell: with 2.88 Nova asks every compute
# for its uptime, with 2.96 it reads every server's scheduling request.
_NOVA = (2, 69)
_NOVA_WITH_FLAVORS = (2, 47)
_NOVA_WITH_HYPERVISOR_IDS = (2, 53)

_LOG_IN = (
    "write a clouds.yaml and name a cloud of it with the option cloud or OS_CLOUD, or set OS_AUTH_URL and its fellows"
)
_RETRIED = [500, 502, 503, 504]
_SIDE_BY_SIDE = 8
# Nova makes pages of its own accord, Neutron only when it is asked to.
_NEUTRON_PAGE = ("limit", "1000")
_FIELDS = {
    "/ports": (
        "id",
        "device_id",
        "device_owner",
        "project_id",
        "mac_address",
        "status",
        "network_id",
        "fixed_ips",
        "qos_policy_id",
        "binding:host_id",
        "binding:vif_type",
        "binding:vif_details",
        "binding:vnic_type",
    ),
    "/networks": ("id", "name", "qos_policy_id"),
    "/subnets": ("id", "network_id", "cidr", "ip_version", "gateway_ip"),
    "/floatingips": ("id", "floating_ip_address", "fixed_ip_address", "port_id"),
    "/qos/policies": ("id", "name"),
}
_VALUES_AT_ONCE = 40


class CloudError(Exception):
    """One sentence for the operator: what was asked of whom, what came back, and the way out. Never a secret."""


@dataclass(frozen=True)
class Wish:
    """The options that shape the answer, and how long a request may take."""

    cloud: str | None = None
    clouds_yaml: str | None = None
    regions: tuple[str, ...] = ()
    interface: str | None = None
    instance_ports: bool = True
    placement: bool = True
    timeout: float | None = None
    at_hosts: tuple[str, ...] = ()
    at_ports: tuple[str, ...] = ()
    at_projects: tuple[str, ...] = ()

    @property
    def narrowed(self) -> bool:
        return bool(self.at_hosts or self.at_ports or self.at_projects)


@dataclass
class Answer:
    lists: Lists
    at: set[str] | None
    """The hosts whose servers and ports were read; None means all."""
    requests: int
    further_pages: int
    """How many of the requests were for a list's second page or a later one."""
    seconds: dict[str, float]
    """By list, each from its first request to its last answer; they overlap."""
    remarks: list[str] = field(default_factory=list)


def find_regions(wish: Wish) -> list[CloudRegion]:
    """The regions of the wished cloud as openstacksdk's configuration tells them. Asks no API."""
    if SDK_ERROR:
        raise CloudError(f"openstacksdk can't be imported ({SDK_ERROR}); install it beside ansible-core.")
    files = list(openstack.config.loader.CONFIG_FILES)
    if wish.clouds_yaml:
        try:
            with open(wish.clouds_yaml, encoding="utf-8"):
                pass
        except OSError as exc:
            raise CloudError(
                f"The client configuration {wish.clouds_yaml} can't be read ({exc.strerror}); "
                "correct clouds_yaml_path or OS_CLIENT_CONFIG_FILE."
            ) from None
    try:
        with _client_config_file(wish.clouds_yaml):
            config = openstack.config.OpenStackConfig(config_files=files)
        config_file = config.config_filename
        if wish.clouds_yaml and (not config_file or not Path(config_file).samefile(wish.clouds_yaml)):
            raise CloudError(f"The client configuration {wish.clouds_yaml} is not valid YAML; correct it.")
        clouds: dict[str, Record] = config.cloud_config["clouds"]
        name = wish.cloud or config.default_cloud
        if list(clouds) == ["defaults"]:  # the SDK's own, made up where it has found nothing
            if config_file:
                raise CloudError(f"The client configuration {config_file} has no clouds; correct it.")
            raise CloudError(
                f"Nothing says how to reach {f'the cloud {name}' if wish.cloud else 'a cloud'}; {_LOG_IN}."
            )
        if name is None:
            raise CloudError(
                f"The client configuration {config_file} has the clouds {_listed(clouds)}; "
                "name one of them with the option cloud or OS_CLOUD."
            )
        if name not in clouds:
            where = f"the client configuration {config_file}" if config_file else f"any of {', '.join(files)}"
            raise CloudError(f"There is no cloud {name} in {where}; it has {_listed(clouds)}.")
        if not any(clouds[name].get(key) for key in ("auth", "auth_url", "profile", "cloud")):
            raise CloudError(f"Nothing says how to reach the cloud {name}; {_LOG_IN}.")
        known = [region if isinstance(region, str) else region["name"] for region in clouds[name].get("regions") or []]
        for region in wish.regions:
            if known and region not in known:
                raise CloudError(f"The cloud {name} has no region {region} in {config_file}; it has {_listed(known)}.")
        if wish.regions and not known:
            # The SDK would take the one region that is named there for the only one that there is.
            clouds[name].pop("region_name", None)
        overrides: dict[str, t.Any] = {}
        if wish.interface:
            overrides["interface"] = wish.interface
        if wish.timeout:
            overrides["api_timeout"] = wish.timeout
        return [
            config.get_one(cloud=name, region_name=region, **overrides)
            for region in (wish.regions or tuple(known) or (None,))
        ]
    except (
        yaml.YAMLError
    ) as exc:  # newer releases of openstacksdk don't raise it; its text quotes lines, passwords included
        file = wish.clouds_yaml or getattr(getattr(exc, "problem_mark", None), "name", "clouds.yaml")
        raise CloudError(f"The client configuration {file} is not valid YAML; correct it.") from None
    except ks.MissingRequiredOptions as exc:
        missing = ", ".join(str(option.dest) for option in exc.options)
        raise CloudError(f"The configuration of the cloud {wish.cloud or ''} lacks {missing}; add it.") from None
    except (ks.ClientException, openstack.exceptions.SDKException) as exc:
        raise CloudError(f"The client configuration can't be used: {str(exc).splitlines()[0]}") from None


@contextmanager
def _client_config_file(path: str | None) -> t.Iterator[None]:
    """The SDK puts the file of the environment before all others; here an option may name another one."""
    before = os.environ.get("OS_CLIENT_CONFIG_FILE")
    if path:
        os.environ["OS_CLIENT_CONFIG_FILE"] = path
    try:
        yield
    finally:
        if before is not None:
            os.environ["OS_CLIENT_CONFIG_FILE"] = before
        elif path:
            del os.environ["OS_CLIENT_CONFIG_FILE"]


def identity(region: CloudRegion) -> dict[str, t.Any]:
    """Who asks whom: what makes two answers different although the options are the same. Nothing secret."""
    auth = region.config.get("auth") or {}
    named = ("url", "username", "user_id", "user_domain", "project", "application_credential_id", "system_scope")
    return {
        "cloud": region.name,
        "region": region.region_name,
        "interface": region.config.get("interface"),
        **{key: value for key, value in sorted(auth.items()) if any(part in key for part in named)},
    }


def fetch(region: CloudRegion, wish: Wish) -> Answer:
    """Everything about one region. The independent lists are read side by side."""
    return Region(region, wish).fetch()


class Region:
    """Reads one region. What is asked of its services is up to `ask`; log-in, pages, counts and errors are not."""

    def __init__(self, region: CloudRegion, wish: Wish) -> None:
        self._config = region
        self._wish = wish
        self._session = region.get_session()
        self._auth_url = _without_credentials(str((region.config.get("auth") or {}).get("auth_url")))
        self._name = f"cloud {region.name}" + (f", region {region.region_name}" if region.region_name else "")
        self._began: dict[str, float] = {}
        self._seconds: dict[str, float] = {}
        self._remarks: list[str] = []
        # keystoneauth's own timings leave out what was refused or repeated.
        self._answered: list[int] = []
        self.further_pages: list[str] = []
        self._session.session.hooks["response"].append(lambda answer, **_: self._answered.append(answer.status_code))

    def fetch(self) -> Answer:
        lists, at = self.read(self._fetch)
        return Answer(lists, at, self.requests, len(self.further_pages), self._seconds, self._remarks)

    @property
    def requests(self) -> int:
        return len(self._answered)

    def read(self, ask: t.Callable[[ThreadPoolExecutor, Service, str], _T]) -> _T:
        """Log in and hand threads, Nova and the microversion to use to `ask`."""
        began = time.monotonic()
        self._log_in()
        nova, version = self._nova()
        self._seconds["log in"] = time.monotonic() - began
        pool = ThreadPoolExecutor(_SIDE_BY_SIDE)
        try:
            return ask(pool, nova, version)
        finally:
            # After an error the lists that haven't been started aren't.
            pool.shutdown(wait=True, cancel_futures=True)
            self._seconds["all"] = time.monotonic() - began

    def _fetch(self, pool: ThreadPoolExecutor, nova: Service, version: str) -> tuple[Lists, set[str] | None]:
        parts: dict[str, list[Future[list[Record]]]] = {}

        def start(name: str, service: Service, path: str, key: str, *params: tuple[str, str]) -> None:
            read = partial(service.read, path, key, params, version)
            parts.setdefault(name, []).append(pool.submit(self._timed, name, read))

        def got(name: str) -> list[Record]:
            """The list as soon as it is there; an error of any other list before that."""
            pending = {future for futures in parts.values() for future in futures}
            while not all(future.done() for future in parts.get(name, [])):
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
            return [row for future in parts.get(name, []) for row in future.result()]

        def start_servers(hosts: t.Iterable[str]) -> None:
            for host in sorted(hosts):
                start("servers", nova, "/servers/detail", "servers", ("all_tenants", "1"), ("host", host))

        start("services", nova, "/os-services", "services", ("binary", "nova-compute"))
        start("hypervisors", nova, "/os-hypervisors/detail", "hypervisors")
        start("aggregates", nova, "/os-aggregates", "aggregates")
        at: set[str] | None = None
        if self._wish.instance_ports or self._wish.narrowed:
            neutron = self.service("network", "Neutron", ", or switch instance_ports off")

            def start_list(path: str, *only: tuple[str, str]) -> None:
                key = path.rsplit("/", 1)[-1]
                start(key, neutron, path, key, _NEUTRON_PAGE, *(("fields", name) for name in _FIELDS[path]), *only)

            def start_rows(path: str, column: str, values: t.Iterable[str]) -> None:
                """Only rows with one of these values, so many at a time that a URL stays short."""
                wanted = sorted(set(values))
                for first in range(0, len(wanted), _VALUES_AT_ONCE):
                    start_list(path, *((column, value) for value in wanted[first : first + _VALUES_AT_ONCE]))

            if self._wish.narrowed:
                at = set(self._wish.at_hosts)
                for column, values in (("id", self._wish.at_ports), ("project_id", self._wish.at_projects)):
                    start_rows("/ports", column, values)
                at.update(str(port["binding:host_id"]) for port in got("ports") if port.get("binding:host_id"))
        if self._wish.instance_ports:
            start_list("/qos/policies")
            if at is None:
                for path in ("/ports", "/networks", "/subnets", "/floatingips"):
                    start_list(path)
                # Nova takes longer for its servers than everybody for everything else, and pages come one after another.
                # Asked for host by host, several of its workers share in it.
                start_servers(service["host"] for service in got("services"))
            else:
                start_rows("/ports", "binding:host_id", at)
                start_servers(at)
                # Those that aren't bound, or elsewhere.
                start_rows("/ports", "device_id", (server["id"] for server in got("servers")))
                found = got("ports")
                networks = {port["network_id"] for port in found}
                start_rows("/networks", "id", networks)
                start_rows("/subnets", "network_id", networks)
                start_rows("/floatingips", "port_id", (port["id"] for port in found))

        hypervisors = [row for row in got("hypervisors") if at is None or row["service"]["host"] in at]
        placement = self._placement(pool, hypervisors) if self._wish.placement else {}
        # Narrowed, some have been found on two ways.
        ports = list({port["id"]: port for port in got("ports")}.values())
        # Somebody without admin rights isn't refused by Neutron: the list is silently cut to the own project.
        if ports and not any("binding:host_id" in port for port in ports):
            raise CloudError(self._not_admin("Neutron shows no port's binding"))
        servers = {server["id"]: server for server in got("servers")}
        # One that moved meanwhile, to a host that had been asked before: that host is asked once more.
        hosts = {service["host"] for service in got("services")}
        late: set[t.Any] = {
            port.get("binding:host_id") for port in ports if _names_a_server(port) and port["device_id"] not in servers
        }
        start_servers(late & (hosts if at is None else hosts & at))
        servers.update({server["id"]: server for server in got("servers")})
        lists: Lists = {
            "cloud": self._config.name,
            "region": self._config.region_name or "",
            "services": got("services"),
            "hypervisors": got("hypervisors"),
            "aggregates": got("aggregates"),
            "placement": placement,
            "servers": list(servers.values()),
            "ports": ports,
            "networks": got("networks"),
            "subnets": got("subnets"),
            "floatingips": got("floatingips"),
            "qos_policies": got("policies"),
        }
        return lists, at

    def _placement(self, pool: ThreadPoolExecutor, hypervisors: list[Record]) -> dict[str, Placement]:
        """Two requests per compute, for Placement lists neither inventories nor usages of all providers at once."""
        # A nova-compute of bare metal nodes has a hypervisor per node: thousands of them, and none is a compute.
        per_host = Counter(record["service"]["host"] for record in hypervisors)
        # Before 2.53 a hypervisor's id is a number that Placement knows nothing of.
        single = [
            record["id"]
            for record in hypervisors
            if per_host[record["service"]["host"]] == 1 and isinstance(record["id"], str)
        ]
        if not single:
            return {}
        placement = self.service("placement", "Placement", ", or switch placement off")

        def one(provider: str) -> Placement | None:
            path = f"/resource_providers/{provider}"
            inventories = placement.get(f"{path}/inventories", missing_ok=True)
            usages = placement.get(f"{path}/usages", missing_ok=True) if inventories else None
            if not inventories or not usages:
                return None
            return {"inventories": inventories["inventories"], "usages": usages["usages"]}

        began = time.monotonic()
        answers = list(pool.map(one, single))
        self._seconds["placement"] = time.monotonic() - began
        return {provider: answer for provider, answer in zip(single, answers, strict=True) if answer is not None}

    def _timed(self, name: str, read: t.Callable[[], list[Record]]) -> list[Record]:
        began = self._began.setdefault(name, time.monotonic())
        rows = read()
        self._seconds[name] = time.monotonic() - began
        return rows

    def _log_in(self) -> None:
        try:
            self._session.get_token()
        except ks.Unauthorized:
            raise CloudError(
                f"Keystone at {self._auth_url} refuses the credentials of the {self._name} (HTTP 401); "
                "correct the password or the application credential in clouds.yaml or the environment."
            ) from None
        except ks.HttpError as exc:
            raise CloudError(
                f"Keystone at {self._auth_url} answers the log-in to the {self._name} with HTTP {exc.http_status}; "
                "correct auth_url, or look after Keystone."
            ) from None
        except (ks.ClientException, openstack.exceptions.SDKException) as exc:
            raise self.explain(exc, f"Keystone at {self._auth_url}") from None

    def _nova(self) -> tuple[Service, str]:
        nova = self.service("compute", "Nova", version="2")
        found = nova.newest_microversion()
        used = min(found, _NOVA)
        if used < _NOVA_WITH_HYPERVISOR_IDS:
            self._remarks.append(
                f"Nova of the {self._name} knows microversions up to {_dotted(found)} only: "
                "2.53 is needed to tell what Placement says about a compute"
                + (", and 2.47 to tell flavors." if used < _NOVA_WITH_FLAVORS else ".")
            )
        return nova, _dotted(used)

    def service(self, kind: str, name: str, way_out: str = "", version: str | None = None) -> Service:
        config = self._config
        adapter = Adapter(
            self._session,
            service_type=config.get_service_type(kind),
            service_name=config.get_service_name(kind),
            interface=config.get_interface(kind),
            region_name=config.get_region_name(kind),
            endpoint_override=config.get_endpoint(kind),
            status_code_retries=config.get_status_code_retries(kind) or 2,
            retriable_status_codes=_RETRIED,
            connect_retries=config.get_connect_retries(kind) or 1,
            min_version=version,
            max_version=f"{version}.latest" if version else None,
        )
        try:
            url = adapter.get_endpoint()
        except ks.CatalogException:
            url = None
        except ks.ClientException as exc:
            raise self.explain(exc, name) from None
        if not url:
            interface, region = config.get_interface(kind), config.get_region_name(kind)
            raise CloudError(
                f"The catalog of the cloud {config.name} has no {interface} endpoint of {name} ({kind})"
                + (f" in the region {region}" if region else "")
                + f"; it has {self._catalog(kind)}. Correct regions or interface{way_out}."
            )
        return Service(self, adapter, name, url)

    def _catalog(self, kind: str) -> str:
        """Where the catalog has the service, to say beside where it hasn't."""
        auth = self._session.auth
        if not isinstance(auth, BaseIdentityPlugin):
            return "none at all"
        access = auth.get_access(self._session)
        found = access.service_catalog.get_endpoints_data(service_type=self._config.get_service_type(kind))
        where = {f"{e.interface} in {e.region_name}" for endpoints in found.values() for e in endpoints}
        return _listed(where) if where else "none at all"

    def _not_admin(self, seen: str) -> str:
        auth = self._config.config.get("auth") or {}
        who = auth.get("username") or auth.get("user_id") or auth.get("application_credential_id") or "the user"
        project = auth.get("project_name") or auth.get("project_id")
        return (
            f"{seen} to {who}"
            + (f" in the project {project}" if project else "")
            + f" of the {self._name}: an inventory of computes needs the admin role, or policies that let another role "
            "list all services, hypervisors, servers and ports."
        )

    def explain(self, exc: Exception, asked: str) -> CloudError:
        if isinstance(exc, ks.Forbidden):
            return CloudError(self._not_admin(f"{asked} is refused (HTTP 403)"))
        if isinstance(exc, ks.HttpError):
            return CloudError(
                f"{asked} of the {self._name} was answered with HTTP {exc.http_status}; look into the service's log."
            )
        # SSLError or SSLFailure, as the version of keystoneauth1 likes.
        if type(exc).__name__.startswith("SSL"):
            return CloudError(
                f"{asked} of the {self._name} has a certificate that is not trusted; "
                "name the cloud's CA as cacert in clouds.yaml or as OS_CACERT."
            )
        if isinstance(exc, ks.ConnectTimeout):
            return CloudError(
                f"{asked} of the {self._name} did not answer within {self._config.config.get('api_timeout')} s; "
                "raise timeout, or look after the service."
            )
        return CloudError(
            f"{asked} of the {self._name} can't be reached ({type(exc).__name__}); "
            "look after the network and the service, or correct auth_url, regions or interface."
        )


class Service:
    """One API of one region."""

    def __init__(self, region: Region, adapter: Adapter, name: str, url: str) -> None:
        self._region = region
        self._adapter = adapter
        self._name = name
        self._kind = str(adapter.service_type)
        # The catalog names Neutron's root, or already its only version.
        self._prefix = "/v2.0" if name == "Neutron" and not url.rstrip("/").endswith("/v2.0") else ""

    def newest_microversion(self) -> tuple[int, int]:
        try:
            endpoint = self._adapter.get_endpoint_data()
        except (ks.ClientException, ValueError) as exc:
            raise self._region.explain(exc, f"{self._name}'s version") from None
        newest = endpoint.max_microversion if endpoint else None
        # Nova from before microversions, or a proxy that hides them.
        return (int(newest[0]), int(newest[1])) if newest else (2, 1)

    def read(self, path: str, key: str, wanted: t.Iterable[tuple[str, str]], version: str) -> list[Record]:
        """All pages of a list."""
        microversion = version if self._name == "Nova" else None
        params = list(wanted)
        rows: list[Record] = []
        seen: set[tuple[tuple[str, str], ...]] = set()
        while True:
            page = self.get(path, params, microversion, missing_ok=path in ("/floatingips", "/qos/policies"))
            if page is None:
                return []
            rows += page[key]
            following = [link["href"] for link in page.get(f"{key}_links", []) if link["rel"] == "next"]
            if not following:
                return rows
            # Only the question of the link is taken: its host is what the API thinks it is called, behind a proxy.
            params = parse_qsl(urlsplit(following[0]).query)
            if tuple(params) in seen:
                raise CloudError(f"{self._name} links page after page of {path} to each other; look into its log.")
            seen.add(tuple(params))
            self._region.further_pages.append(path)

    def get(
        self, path: str, params: _Params | None = None, microversion: str | None = None, *, missing_ok: bool = False
    ) -> Record | None:
        """One answer; None where nothing is there and that is no error (an extension that isn't loaded)."""
        asked = f"{self._name}'s {path}"
        try:
            answer = self._adapter.get(
                self._prefix + path,
                params=params or [],
                microversion=microversion,
                headers={"Accept": "application/json"},
            ).json()
        except ks.NotFound as exc:
            if missing_ok:
                return None
            raise self._region.explain(exc, asked) from None
        except ks.ClientException as exc:
            raise self._region.explain(exc, asked) from None
        except ValueError:
            raise CloudError(
                f"{asked} answered something that isn't JSON; correct the endpoint in the catalog."
            ) from None
        if not isinstance(answer, dict):
            raise CloudError(f"{asked} answered no JSON object; correct the endpoint in the catalog.")
        return answer


def _names_a_server(port: Record) -> bool:
    return bool(port["device_id"]) and str(port["device_owner"]).startswith("compute:")


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rsplit("@", 1)[-1], query="").geturl()


def _listed(names: t.Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
