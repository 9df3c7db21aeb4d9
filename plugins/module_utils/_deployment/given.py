# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host as deployment_info has told it before, or as the inventory carries it in day2_deployment."""

from __future__ import annotations

import typing as t

from .._common import OperatorError, Run, shown
from .look import LOOKED_FOR, look
from .model import Deployment, Service

_NAME = "day2_deployment"
_PATH, _PATHS, _PATH_BY_PATH, _TEXT, _TEXTS, _NUMBER = (
    "an absolute path",
    "a list of absolute paths",
    "a dictionary of absolute paths",
    "text",
    "a list of text",
    "a number",
)
_HOST = {
    "deployer": _TEXT,
    "evidence": _TEXTS,
    "owner": _TEXT,
    "lasts": _TEXT,
    "engine": _TEXT,
    "ovsdb": _PATHS,
    "logs": _PATHS,
}
_PARTS = {
    "libvirt": {"uri": _TEXT, "binding": _TEXT},
    "instances": {"inside": _PATH, "path": _PATH},
}
_SERVICE = {
    "conf": _PATHS, "write": _PATH, "folder": _PATH, "files": _PATH_BY_PATH, "unit": _TEXT, "container": _TEXT, "restart": _TEXTS, "exec": _TEXTS,
    "user": _TEXT, "uid": _NUMBER, "gid": _NUMBER,
}  # fmt: skip


def given_or_found(host: t.Optional[t.Mapping[str, t.Any]], run: Run) -> Deployment:
    """The host that this describes; where it is empty, as it is found. Raises OperatorError as given() and look() do."""
    return given(host) if host else look(run)


def given(host: t.Mapping[str, t.Any]) -> Deployment:
    """The host that this describes, in the form of deployment_info's result; what is left out is unknown.

    Raises OperatorError for keys and values that deployment_info never has.
    """
    parts = {name: _checked(f"{_NAME}.{name}", host.get(name) or {}, kinds) for name, kinds in _PARTS.items()}
    others = {key: one for key, one in host.items() if key not in (*_PARTS, "services", "unknown")}
    top = _checked(_NAME, others, _HOST)
    if top["deployer"] not in LOOKED_FOR:
        raise OperatorError(
            f"{_NAME}.deployer is {shown(top['deployer'])}; give {', '.join(LOOKED_FOR)}, or all that deployment_info tells."
        )
    services = {
        name: Service(name, **_checked(f"{_NAME}.services.{name}", one, _SERVICE))
        for name, one in _mapping(f"{_NAME}.services", host.get("services")).items()
    }
    return Deployment(
        top["deployer"],
        top["evidence"] or (),
        top["owner"] or top["deployer"],
        top["lasts"] or "",
        services,
        engine=top["engine"],
        libvirt_uri=parts["libvirt"]["uri"],
        libvirt_binding=parts["libvirt"]["binding"],
        ovsdb=top["ovsdb"] or (),
        logs=top["logs"] or (),
        inside=parts["instances"]["inside"],
        instances=parts["instances"]["path"],
        unknown={key: str(why) for key, why in _mapping(f"{_NAME}.unknown", host.get("unknown")).items()},
    )


def _mapping(where: str, found: t.Any) -> t.Mapping[str, t.Any]:
    if found is not None and not isinstance(found, dict):
        raise OperatorError(f"{where} is {shown(found)}; give a dictionary, as deployment_info tells it.")
    return found or {}


def _checked(where: str, found: t.Any, kinds: t.Mapping[str, str]) -> dict[str, t.Any]:
    """The value of each of these keys; None for one that is null or left out."""
    strange = sorted(set(_mapping(where, found)) - set(kinds))
    if strange:
        raise OperatorError(
            f"{where} has {', '.join(strange)}, which deployment_info doesn't tell; it has {', '.join(kinds)}."
        )
    return {key: _value(f"{where}.{key}", (found or {}).get(key), kind) for key, kind in kinds.items()}


def _value(where: str, found: t.Any, kind: str) -> t.Any:
    if found is None:
        return {} if kind == _PATH_BY_PATH else None
    if kind == _PATH_BY_PATH:
        right = isinstance(found, dict) and all(_is_text(one, path=True) for row in found.items() for one in row)
    elif kind in (_PATHS, _TEXTS):
        right = isinstance(found, list) and all(_is_text(one, path=kind == _PATHS) for one in found)
        found = tuple(found) if right else found
    elif kind == _NUMBER:
        right = isinstance(found, int) and not isinstance(found, bool)
    else:
        right = _is_text(found, path=kind == _PATH)
    if not right:
        raise OperatorError(f"{where} is {shown(found)}; give {kind}, or null where it isn't known.")
    return found


def _is_text(found: t.Any, *, path: bool) -> bool:
    return isinstance(found, str) and (not path or found.startswith("/"))
