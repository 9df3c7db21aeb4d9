# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords that must not be in use, on their way from the controller to the host. Pure.

They travel as one text that is no password. Given as they are, Ansible would hide each of them wherever it stands in the result: in a
user's name, say, which would then tell what the candidate is.
"""

from __future__ import annotations

import base64
import json
import typing as t

from .._common import OperatorError, shown

OWN_NAME = "own name"
_LONGEST = 4096

#: What guides and deployers have in their examples.
DEFAULTS = (
    "admin", "password", "openstack", "secret", "secrete", "changeme", "nomoresecret", "nova", "stack", "devstack", "keystone",
    "ADMIN_PASS", "DEMO_PASS", "GLANCE_PASS", "NOVA_PASS", "NEUTRON_PASS", "CINDER_PASS", "PLACEMENT_PASS", "SWIFT_PASS",
    "HEAT_PASS", "HEAT_DOMAIN_PASS", "verybadpass", "service", "servicepassword", "supersecret", "s3cr3t", "default", "test",
    "admin123", "Passw0rd", "cubswin:)",
)  # fmt: skip


def candidates_of(given: t.Sequence[t.Any], named: t.Mapping[str, t.Any], *, defaults: bool) -> list[tuple[str, str]]:
    """Labels and passwords. given: texts, or label and password; named: a file's names and texts, others of which are left out.

    Raises OperatorError, which never says a password.
    """
    made: list[tuple[str, str]] = []
    for position, one in enumerate(given, start=1):
        place = f"Candidate {position}"
        if isinstance(one, dict):
            if set(one) - {"label", "password"} or not one.get("password"):
                raise OperatorError(f"{place}: has other keys than label and password, or no password.")
            label, password = str(one.get("label") or f"candidate {position}"), one["password"]
        else:
            label, password = f"candidate {position}", one
        made.append((label, _text(place, label, password)))
    for position, (name, value) in enumerate(named.items(), start=1):
        if isinstance(value, str) and value:
            made.append((str(name), _text(f"Candidate {position} of the file", str(name), value)))
    if named and len(made) == len(given):
        raise OperatorError("The file of candidates has no text in it; write NAME: PASSWORD lines.")
    if defaults:
        made += [(f"default {number}", password) for number, password in enumerate(DEFAULTS, start=1)]
    labels = [label for label, _password in made]
    twice = next((label for label in labels if labels.count(label) > 1 or label == OWN_NAME), None)
    if twice is not None:
        raise OperatorError(f"The label {shown(twice)} is taken; give each candidate its own.")
    return made


def _text(place: str, label: str, password: object) -> str:
    if not isinstance(password, str) or not password:
        raise OperatorError(f"{place}: isn't a text; put it in quotes.")
    if "\0" in password or len(password.encode("utf-8", "surrogatepass")) > _LONGEST:
        raise OperatorError(f"{place}: has a zero byte, or more than {_LONGEST} bytes, which Keystone takes of none.")
    if password == label or (len(password) > 3 and password in label):
        raise OperatorError(f"{place}: its label has the password in it, and labels are shown.")
    return password


def packed(candidates: t.Sequence[tuple[str, str]]) -> str:
    return base64.b64encode(json.dumps(candidates).encode()).decode()


def unpacked(text: str) -> list[tuple[str, str]]:
    """Raises OperatorError for what packed hasn't made, without showing it."""
    if not text:
        return []
    try:
        return [(str(label), str(password)) for label, password in json.loads(base64.b64decode(text, validate=True))]
    except (ValueError, TypeError):
        raise OperatorError(
            "candidates isn't what the filter openstack_ops.day2.password_candidates makes; use it."
        ) from None
