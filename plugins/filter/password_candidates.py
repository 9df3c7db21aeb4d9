# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter password_candidates: passwords that must not be in use, as keystone_password_info takes them."""

from __future__ import annotations

import typing as t

import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._keystone.candidates import candidates_of, packed


def password_candidates(given: object, file: object = "", defaults: object = False) -> str:
    """file is the text of a YAML file of names and passwords. Raises AnsibleFilterError, which never says a password."""
    if isinstance(given, (str, bytes)) or not isinstance(given, (list, tuple)):
        raise AnsibleFilterError("password_candidates: the candidates are not a list.")
    try:
        named = yaml.safe_load(str(file)) if file else {}
    except yaml.YAMLError:
        named = None  # its own message would show the line
    if not isinstance(named, dict):
        raise AnsibleFilterError("password_candidates: the file of candidates isn't YAML of NAME: PASSWORD lines.")
    try:
        return packed(candidates_of([_plain(one) for one in given], named, defaults=bool(defaults)))
    except OperatorError as exc:
        raise AnsibleFilterError(f"password_candidates: {exc}") from None


def _plain(one: object) -> object:
    """Without Ansible's own types of text, such as one that a vault has kept."""
    if isinstance(one, t.Mapping):
        return {str(key): _plain(value) for key, value in one.items()}
    return one if one is None or isinstance(one, (bool, int, float, list)) else str(one)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"password_candidates": password_candidates}
