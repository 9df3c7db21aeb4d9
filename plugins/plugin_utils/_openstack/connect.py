# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connects to the services of one region: log-in, microversions, pages, and errors that an operator can act on.

Authentication and transport are openstacksdk's own. Lists are read raw, through keystoneauth's adapters: the SDK's resource
objects cost more of the client's CPU for 1000 servers than the whole rest of an inventory run.
"""

from __future__ import annotations

import logging
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl, urlsplit

try:
    import keystoneauth1.exceptions as ks
    import openstack.exceptions
    from keystoneauth1.adapter import Adapter
    from keystoneauth1.identity import BaseIdentityPlugin
except ImportError:
    pass  # config.find_regions says so, and nothing here works without a region

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError

from .computes import Record
from .config import listed

if t.TYPE_CHECKING:
    from openstack.config.cloud_region import CloudRegion

_Params = list[tuple[str, str]]
_T = t.TypeVar("_T")

# keystoneauth warns on its own about what becomes a clear error here.
logging.getLogger("keystoneauth").addHandler(logging.NullHandler())

# 2.69 tells servers of cells that are down instead of leaving them out, 2.53 gives hypervisors the ids that Placement
# uses, 2.47 puts the flavor into the server. Later ones cost more than they tell: with 2.88 Nova asks every compute
# for its uptime, with 2.96 it reads every server's scheduling request.
_NOVA = (2, 69)
_NOVA_WITH_FLAVORS = (2, 47)
_NOVA_WITH_HYPERVISOR_IDS = (2, 53)

NEEDS_INVENTORY = "an inventory of computes needs the admin role, for Neutron shows networks, subnets and floating IPs of all projects to no other."

_RETRIED = (429, 500, 502, 503, 504)
# Seconds. A service that asks for a longer pause isn't waited for.
_LONGEST_PAUSE = 60
_SIDE_BY_SIDE = 8
# How often a list is begun anew after one of its further pages has failed.
_BEGINNINGS = 3

# Extensions of Neutron that no cloud with instances is without.
_ALWAYS_THERE = {"binding", "security-group"}

# What each service's own 404 has in its body. One without it is a proxy's, or that of something else at this address.
_NOT_FOUND = {"Nova": "itemNotFound", "Neutron": "NeutronError", "Placement": "errors"}


class NotInCatalog(OperatorError):
    """Keystone's catalog, which was read, has no such service in the region: it is known to be absent, not only silent."""


class Region:
    """One region, logged in to. What is asked of its services is up to `ask`; log-in, counts and errors are not."""

    def __init__(self, config: CloudRegion, needs: str = NEEDS_INVENTORY) -> None:
        """needs: what a user has to be allowed to do, to say where they aren't."""
        self.config = config
        self._needs = needs
        self._session = config.get_session()
        self._auth_url = _without_credentials(str((config.config.get("auth") or {}).get("auth_url")))
        self._name = f"cloud {config.name}" + (f", region {config.region_name}" if config.region_name else "")
        self.seconds: dict[str, float] = {}
        self.remarks: list[str] = []
        # keystoneauth's own timings leave out what was refused or repeated.
        self._answered: list[int] = []
        self.further_pages: list[str] = []
        self._session.session.hooks["response"].append(lambda answer, **_: self._answered.append(answer.status_code))

    @property
    def requests(self) -> int:
        return len(self._answered)

    def read(self, ask: t.Callable[[ThreadPoolExecutor, Service, str], _T]) -> _T:
        """Log in and hand threads, Nova and the microversion to use to `ask`. Raises OperatorError."""
        began = time.monotonic()
        self.log_in()
        nova, version = self._nova()
        self.seconds["log in"] = time.monotonic() - began
        pool = ThreadPoolExecutor(_SIDE_BY_SIDE)
        try:
            return ask(pool, nova, version)
        finally:
            # After an error the lists that haven't been started aren't.
            pool.shutdown(wait=True, cancel_futures=True)
            self.seconds["all"] = time.monotonic() - began

    def log_in(self) -> None:
        """Get a token. Raises OperatorError."""
        try:
            _repeated(self._session.get_token, self.config.get_status_code_retries("identity") or 2)
        except ks.Unauthorized:
            raise OperatorError(
                f"Keystone at {self._auth_url} refuses the credentials of the {self._name} (HTTP 401); "
                "correct the password or the application credential in clouds.yaml or the environment."
            ) from None
        except ks.HttpError as exc:
            raise OperatorError(
                f"Keystone at {self._auth_url} answers the log-in to the {self._name} with HTTP {exc.http_status}; "
                "correct auth_url, or look after Keystone."
            ) from None
        except (ks.ClientException, openstack.exceptions.SDKException) as exc:
            raise self.explain(exc, f"Keystone at {self._auth_url}") from None

    def project_id(self) -> str | None:
        """The project that the token is for."""
        return self._session.get_project_id()

    def nova(self) -> Service:
        """Raises OperatorError where the catalog has no Nova."""
        return self.service("compute", "Nova", version="2")

    def _nova(self) -> tuple[Service, str]:
        nova = self.nova()
        found = nova.newest_microversion()
        used = min(found, _NOVA)
        if used < _NOVA_WITH_HYPERVISOR_IDS:
            self.remarks.append(
                f"Nova of the {self._name} knows microversions up to {_dotted(found)} only: "
                "2.53 is needed to tell what Placement says about a compute"
                + (", and 2.47 to tell flavors." if used < _NOVA_WITH_FLAVORS else ".")
            )
        return nova, _dotted(used)

    def service(self, kind: str, name: str, way_out: str = "", version: str | None = None) -> Service:
        """An API of the region. Raises NotInCatalog where there is none, OperatorError also where the catalog has it by another interface."""
        config = self.config
        adapter = Adapter(
            self._session,
            service_type=config.get_service_type(kind),
            service_name=config.get_service_name(kind),
            interface=config.get_interface(kind),
            region_name=config.get_region_name(kind),
            endpoint_override=config.get_endpoint(kind),
            status_code_retries=0,  # _repeated does that, for a pause that somebody still waits for
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
            raise self._no_endpoint(kind, name, way_out)
        return Service(self, adapter, name, url, config.get_status_code_retries(kind) or 2)

    def _no_endpoint(self, kind: str, name: str, way_out: str) -> OperatorError:
        """The error that says where the catalog has the service, beside where it hasn't."""
        interface, region = self.config.get_interface(kind), self.config.get_region_name(kind)
        found: list[tuple[str | None, str | None]] = []
        auth = self._session.auth
        # Another kind of log-in brings no catalog, and then nothing is known to be absent.
        kind_of_error: type[OperatorError] = OperatorError
        if isinstance(auth, BaseIdentityPlugin):
            catalog = auth.get_access(self._session).service_catalog
            kinds = catalog.get_endpoints_data(service_type=self.config.get_service_type(kind))
            found = [(e.interface, e.region_name) for endpoints in kinds.values() for e in endpoints]
            if not any(not region or there == region for _interface, there in found):
                kind_of_error = NotInCatalog
        where = listed({f"{one} in {there}" for one, there in found}) if found else "none at all"
        return kind_of_error(
            f"The catalog of the cloud {self.config.name} has no {interface} endpoint of {name} ({kind})"
            + (f" in the region {region}" if region else "")
            + f"; it has {where}. Correct regions or interface{way_out}."
        )

    def not_admin(self, seen: str) -> str:
        auth = self.config.config.get("auth") or {}
        who = auth.get("username") or auth.get("user_id") or auth.get("application_credential_id") or "the user"
        project = auth.get("project_name") or auth.get("project_id")
        return (
            f"{seen} to {who}"
            + (f" in the project {project}" if project else "")
            + f" of the {self._name}: {self._needs}"
        )

    def explain(self, exc: Exception, asked: str) -> OperatorError:
        """The error for an operator that stands for one of keystoneauth's. It never holds a secret."""
        if isinstance(exc, ks.Forbidden):
            return OperatorError(self.not_admin(f"{asked} is refused (HTTP 403)"))
        if isinstance(exc, ks.HttpError):
            way_out = "look into the service's log."
            if exc.http_status in (400, 409):
                # What the service objects to; it may quote what a tenant wrote.
                way_out = f"it says {' '.join(str(exc.message).split())[:300]!r}."
            if pause := _asked_pause(exc):
                way_out = f"it asks for a pause of {pause} s. Run again then, or raise the limit of requests."
            return OperatorError(f"{asked} of the {self._name} was answered with HTTP {exc.http_status}; {way_out}")
        # SSLError or SSLFailure, as the version of keystoneauth1 likes.
        if type(exc).__name__.startswith("SSL"):
            return OperatorError(
                f"{asked} of the {self._name} has a certificate that is not trusted; "
                "name the cloud's CA as cacert in clouds.yaml or as OS_CACERT."
            )
        if isinstance(exc, ks.ConnectTimeout):
            return OperatorError(
                f"{asked} of the {self._name} did not answer within {self.config.config.get('api_timeout')} s; "
                "raise timeout, or look after the service."
            )
        return OperatorError(
            f"{asked} of the {self._name} can't be reached ({type(exc).__name__}); "
            "look after the network and the service, or correct auth_url, regions or interface."
        )


class Service:
    """One API of one region."""

    def __init__(self, region: Region, adapter: Adapter, name: str, url: str, retries: int) -> None:
        self._region = region
        self._adapter = adapter
        self._retries = retries
        self._name = name
        self._kind = str(adapter.service_type)
        # The catalog names the root of Neutron or Glance, or already its only version.
        version = {"Neutron": "/v2.0", "Glance": "/v2"}.get(name, "")
        self._prefix = "" if url.rstrip("/").endswith(version) else version

    def newest_microversion(self) -> tuple[int, int]:
        """The newest microversion that the API knows. Raises OperatorError."""
        try:
            endpoint = self._adapter.get_endpoint_data()
        except (ks.ClientException, ValueError) as exc:
            raise self._region.explain(exc, f"{self._name}'s version") from None
        newest = endpoint.max_microversion if endpoint else None
        # Nova from before microversions, or a proxy that hides them.
        return (int(newest[0]), int(newest[1])) if newest else (2, 1)

    def read(
        self, path: str, key: str, wanted: t.Iterable[tuple[str, str]], version: str, extension: str = ""
    ) -> list[Record]:
        """All pages of a list. One that breaks off is read again from its beginning, for the rest alone could miss rows.

        Where the list belongs to an extension of Neutron, it is empty if Neutron doesn't list the extension. Raises OperatorError.
        """
        microversion = version if self._name == "Nova" else None
        params = list(wanted)
        for beginning in range(_BEGINNINGS):
            try:
                return self._pages(path, key, params, microversion)
            except _NotThere as exc:
                # Once more, since it may have been a worker that is being started or stopped.
                if beginning and extension and not self._has(extension):
                    return []
                error = exc.error
                if not extension:
                    break
            except _BrokenOff as exc:
                error = exc.error
        raise error

    def _pages(self, path: str, key: str, params: _Params, microversion: str | None) -> list[Record]:
        """Raises _NotThere for a 404 instead of the first page, _BrokenOff for any error of a further one, OperatorError."""
        rows: list[Record] = []
        seen: set[tuple[tuple[str, str], ...]] = set()
        while True:
            try:
                page = self._answer("GET", path, microversion, params=params)
                found = part(f"{self._name}'s {path}", page, key, list)
            except _NotThere as exc:
                raise (_BrokenOff(exc.error) if seen else exc) from None
            except OperatorError as exc:
                raise (_BrokenOff(exc) if seen else exc) from None
            rows += found
            following = [link["href"] for link in page.get(f"{key}_links", []) if link["rel"] == "next"]
            if not following:
                return rows
            # Only the question of the link is taken: its host is what the API thinks it is called, behind a proxy.
            params = parse_qsl(urlsplit(following[0]).query)
            if tuple(params) in seen:
                raise OperatorError(f"{self._name} links page after page of {path} to each other; look into its log.")
            seen.add(tuple(params))
            self._region.further_pages.append(path)

    def _has(self, extension: str) -> bool:
        """Whether Neutron lists an extension. Raises OperatorError, also where the list can't be the whole one."""
        rows = self.read("/extensions", "extensions", [("fields", "alias")], "")
        known = {row.get("alias") for row in rows if isinstance(row, dict)}
        if not known & _ALWAYS_THERE:
            raise OperatorError(
                f"{self._name}'s /extensions lists not even {' or '.join(sorted(_ALWAYS_THERE))}, so it doesn't tell whether there "
                f"is {extension}; look into the service's log, or at the proxy before it."
            )
        return extension in known

    def get(
        self, path: str, params: _Params | None = None, microversion: str | None = None, *, missing_ok: bool = False
    ) -> Record | None:
        """One answer; None where the service itself says that there is no such thing, and that is no error.

        Raises OperatorError.
        """
        try:
            return self._answer("GET", path, microversion, params=params or [])
        except _NotThere as exc:
            if missing_ok and exc.own:
                return None
            raise exc.error from None

    def put(self, path: str, body: Record, microversion: str) -> Record:
        """Change something, and return the answer. Raises OperatorError."""
        try:
            return self._answer("PUT", path, microversion, json=body)
        except _NotThere as exc:
            raise exc.error from None

    def post(self, path: str, body: Record, microversion: str) -> Record:
        """Change something, once: repeated, it might be done twice. Returns the answer. Raises OperatorError."""
        try:
            return self._answer("POST", path, microversion, json=body)
        except _NotThere as exc:
            raise exc.error from None

    def delete(self, path: str, microversion: str) -> None:
        """Delete something. Raises OperatorError, also where it isn't there."""
        try:
            self._answer("DELETE", path, microversion)
        except _NotThere as exc:
            raise exc.error from None

    def _answer(self, method: str, path: str, microversion: str | None, **request: t.Any) -> Record:
        asked = f"{self._name}'s {path}"
        headers = {"Accept": "application/json"}

        def call() -> t.Any:
            answer = self._adapter.request(
                self._prefix + path, method, microversion=microversion, headers=headers, **request
            )
            # A deletion, and an action of Nova, is answered without a body.
            return {} if method in ("DELETE", "POST") and not answer.content else answer.json()

        try:
            answer = _repeated(call, self._retries if method in ("GET", "PUT") else 0)
        except ks.NotFound as exc:
            raise _NotThere(self._region.explain(exc, asked), _says(exc, _NOT_FOUND.get(self._name, ""))) from None
        except ks.ClientException as exc:
            raise self._region.explain(exc, asked) from None
        except ValueError:
            raise OperatorError(
                f"{asked} answered something that isn't JSON; correct the endpoint in the catalog."
            ) from None
        if not isinstance(answer, dict):
            raise OperatorError(f"{asked} answered no JSON object; correct the endpoint in the catalog.")
        return answer


class _NotThere(Exception):
    """HTTP 404, which may be no error. own: the service itself says so, and not something before it."""

    def __init__(self, error: OperatorError, own: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.own = own


class _BrokenOff(Exception):
    """An error after the first page of a list."""

    def __init__(self, error: OperatorError) -> None:
        super().__init__(str(error))
        self.error = error


def _repeated(call: t.Callable[[], _T], retries: int) -> _T:
    """What the call returns. It is repeated after passing trouble, an answer that was cut off included, for the pause that is asked for."""
    pause = 0.5
    for _attempt in range(retries):
        try:
            return call()
        except ks.HttpError as exc:
            if exc.http_status not in _RETRIED:
                raise
            wanted = _asked_pause(exc)
            if wanted is not None and wanted > _LONGEST_PAUSE:
                raise
            time.sleep(pause if wanted is None else wanted)
        except (ks.UnknownConnectionError, ValueError):
            time.sleep(pause)
        pause *= 2
    return call()


def _asked_pause(exc: ks.HttpError) -> int | None:
    """Seconds of a Retry-After; None where there is none, or a date."""
    response = getattr(exc, "response", None)
    asked = str(response.headers.get("Retry-After", "")) if response is not None else ""
    return int(asked) if asked.isdecimal() else None


def _says(exc: ks.HttpError, key: str) -> bool:
    """Whether the body of an error is a JSON object with this key."""
    try:
        body = exc.response.json() if exc.response is not None else None
    except ValueError:
        return False
    return isinstance(body, dict) and key in body


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rsplit("@", 1)[-1], query="").geturl()


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def part(asked: str, answer: Record | None, key: str, kind: type[_T]) -> _T:
    """What an answer has to have, of a JSON type. Raises OperatorError where it hasn't: that is no empty one. asked says who answered."""
    found = (answer or {}).get(key)
    if not isinstance(found, kind):
        raise OperatorError(f"{asked} answered without {key}; correct the endpoint in the catalog.")
    return found
