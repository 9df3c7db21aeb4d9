# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the cloud that a query means, in openstacksdk's own configuration. Asks no API."""

from __future__ import annotations

import os
import sys
import typing as t
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

try:
    import keystoneauth1.exceptions as ks
    import openstack.config
    import openstack.exceptions

    SDK_ERROR: ImportError | None = None
except ImportError as exc:
    SDK_ERROR = exc

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError

from .computes import Record

if t.TYPE_CHECKING:
    from openstack.config.cloud_region import CloudRegion

_LOG_IN = "write a clouds.yaml and name a cloud of it with the option cloud or OS_CLOUD, or set OS_AUTH_URL and the other OS_* variables"


#: How action plugins let a user say which cloud is meant; documented by the fragment `cloud`.
CLOUD_OPTIONS: dict[str, t.Any] = dict(
    cloud=dict(type="str"),
    clouds_yaml_path=dict(type="str"),
    region=dict(type="str"),
    interface=dict(type="str", choices=["public", "internal", "admin"]),
    timeout=dict(type="float"),
)


@dataclass(frozen=True)
class Query:
    """Which cloud to read, which parts of it, and how long a request may take."""

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

    @classmethod
    def of(cls, options: t.Mapping[str, t.Any]) -> Query:
        """The query that CLOUD_OPTIONS ask for."""
        return cls(
            cloud=options["cloud"] or None,
            clouds_yaml=os.path.expanduser(options["clouds_yaml_path"] or "") or None,
            regions=(options["region"],) if options["region"] else (),
            interface=options["interface"],
            timeout=options["timeout"],
        )

    @property
    def narrowed(self) -> bool:
        return bool(self.at_hosts or self.at_ports or self.at_projects)


def find_regions(query: Query) -> list[CloudRegion]:
    """The regions that the query means, as openstacksdk's configuration tells them. Asks no API.

    Raises OperatorError where openstacksdk is missing, or the configuration names no such cloud or region.
    """
    if SDK_ERROR:
        raise OperatorError(
            f"openstacksdk can't be imported ({SDK_ERROR}); install it for the Python that runs Ansible: "
            f"{sys.executable} -m pip install openstacksdk"
        )
    if query.clouds_yaml:
        try:
            with open(query.clouds_yaml, encoding="utf-8"):
                pass
        except OSError as exc:
            raise OperatorError(
                f"The client configuration {query.clouds_yaml} can't be read ({exc.strerror}); "
                "correct clouds_yaml_path or OS_CLIENT_CONFIG_FILE."
            ) from None
    try:
        files = list(openstack.config.loader.CONFIG_FILES)
        with _client_config_file(query.clouds_yaml):
            config = openstack.config.OpenStackConfig(config_files=files)
        config_file = config.config_filename
        if query.clouds_yaml and (not config_file or not Path(config_file).samefile(query.clouds_yaml)):
            raise OperatorError(f"The client configuration {query.clouds_yaml} is not valid YAML; correct it.")
        clouds: dict[str, Record] = config.cloud_config["clouds"]
        name = _named_cloud(query, query.cloud or config.default_cloud, clouds, config_file, files)
        regions = _named_regions(query, name, clouds[name], config_file)
        overrides: dict[str, t.Any] = {"interface": query.interface, "api_timeout": query.timeout}
        wanted = {key: value for key, value in overrides.items() if value}
        return [config.get_one(cloud=name, region_name=region, **wanted) for region in regions]
    except yaml.YAMLError as exc:
        # Newer releases of openstacksdk don't raise it; its text quotes lines, passwords included.
        file = query.clouds_yaml or getattr(getattr(exc, "problem_mark", None), "name", "clouds.yaml")
        raise OperatorError(f"The client configuration {file} is not valid YAML; correct it.") from None
    except ks.MissingRequiredOptions as exc:
        missing = ", ".join(str(option.dest) for option in exc.options)
        raise OperatorError(f"The configuration of the cloud {query.cloud or ''} lacks {missing}; add it.") from None
    except (ks.ClientException, openstack.exceptions.SDKException) as exc:
        raise OperatorError(f"The client configuration can't be used: {str(exc).splitlines()[0]}") from None


def find_region(query: Query) -> CloudRegion:
    """The one region that the query means. Raises OperatorError, also where there are several."""
    regions = find_regions(query)
    if len(regions) != 1:
        names = ", ".join(str(region.region_name) for region in regions)
        raise OperatorError(
            f"The cloud {regions[0].name} has the regions {names}; name one of them with the region's option."
        )
    return regions[0]


def _named_cloud(
    query: Query, name: str | None, clouds: dict[str, Record], config_file: str | None, files: list[str]
) -> str:
    """The cloud's name, which the configuration has and says how to reach. Raises OperatorError."""
    if list(clouds) == ["defaults"]:  # the SDK's own, made up where it has found nothing
        if config_file:
            raise OperatorError(f"The client configuration {config_file} has no clouds; correct it.")
        raise OperatorError(
            f"Nothing says how to reach {f'the cloud {name}' if query.cloud else 'a cloud'}; {_LOG_IN}."
        )
    if name is None:
        raise OperatorError(
            f"The client configuration {config_file} has the clouds {listed(clouds)}; "
            "name one of them with the option cloud or OS_CLOUD."
        )
    if name not in clouds:
        where = f"the client configuration {config_file}" if config_file else f"any of {', '.join(files)}"
        raise OperatorError(f"There is no cloud {name} in {where}; it has {listed(clouds)}.")
    if not any(clouds[name].get(key) for key in ("auth", "auth_url", "profile", "cloud")):
        raise OperatorError(f"Nothing says how to reach the cloud {name}; {_LOG_IN}.")
    return name


def _named_regions(query: Query, name: str, cloud: Record, config_file: str | None) -> t.Sequence[str | None]:
    """The names of the regions to read, None for the cloud's only one. Raises OperatorError."""
    known = [region if isinstance(region, str) else region["name"] for region in cloud.get("regions") or []]
    for region in query.regions:
        if known and region not in known:
            raise OperatorError(f"The cloud {name} has no region {region} in {config_file}; it has {listed(known)}.")
    if query.regions and not known:
        # The SDK would take the one region that is named there for the only one that there is.
        cloud.pop("region_name", None)
    return query.regions or tuple(known) or (None,)


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
    """Who asks which cloud: what makes two answers different although the options are the same. Nothing secret."""
    auth = region.config.get("auth") or {}
    named = ("url", "username", "user_id", "user_domain", "project", "application_credential_id", "system_scope")
    return {
        "cloud": region.name,
        "region": region.region_name,
        "interface": region.config.get("interface"),
        **{key: value for key, value in sorted(auth.items()) if any(part in key for part in named)},
    }


def listed(names: t.Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
