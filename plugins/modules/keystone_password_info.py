#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: keystone_password_info
short_description: Check the password hashes of Keystone's local users against known passwords
version_added: 0.1.0
description:
  - Reads the hashes of local users' passwords from Keystone's database (Queens and later), and tells for each user which algorithm made the
    newest one at which cost, how old it is, when it expires, and how many of the user's passwords are current.
  - Compares the newest hash of each user with candidates, such as deployers' defaults, by the libraries that Keystone itself uses. Keystone's
    API isn't asked, so no user is locked out and nothing is logged there.
  - Neither a hash nor a candidate is in results, errors, logs or command lines. A match is reported by the candidate's label.
  - Changes nothing.
requirements:
  - the client of MariaDB or MySQL on the host, and an account that may SELECT in Keystone's database; root on the database's host is one
  - to compare, python3-bcrypt and python3-cryptography on the host; for hashes of sha512_crypt python3-passlib
attributes:
  check_mode:
    support: full
    description: Changes nothing, also without it.
  diff_mode:
    support: N/A
    description: Changes nothing.
  platform:
    support: full
    platforms: linux
    description: Works where the client reaches a MariaDB or MySQL.
extends_documentation_fragment:
  - openstack_ops.day2.attributes
options:
  database:
    description: The name of Keystone's database.
    type: str
    default: keystone
  defaults_file:
    description:
      - A file on the host with the client's options, such as user, password and host in its C([client]) section.
      - Left out, the client's own files count; with those of most distributions, root gets in by the local socket.
    type: path
  candidates:
    description:
      - The passwords that must not be in use, as the filter P(openstack_ops.day2.password_candidates#filter) packs them.
      - Left out, only the user's own name is tried, where O(own_name) is true.
    type: str
    default: ''
  own_name:
    description: Whether the user's own name is a candidate, too. Its label is C(own name).
    type: bool
    default: true
  seconds:
    description: How long to compare. The rest is then reported as not compared, and the module fails.
    type: int
    default: 600
seealso:
  - plugin: openstack_ops.day2.password_candidates
    plugin_type: filter
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Which hashes are there
  openstack_ops.day2.keystone_password_info:
    own_name: false
  register: passwords

- name: Whether anyone has a password from a guide
  openstack_ops.day2.keystone_password_info:
    defaults_file: /root/.my-keystone-read-only.cnf
    candidates: "{{ [] | openstack_ops.day2.password_candidates(defaults=true) }}"
"""

RETURN = r"""
users:
  description: One entry for each local user.
  returned: success, and when only some could not be compared
  type: list
  elements: dict
  sample:
    - id: 5f0f4c1d3c8e4c0e9d5c0b1a2e3f4a5b
      name: glance
      domain: Default
      enabled: true
      algorithm: bcrypt
      cost: {rounds: 12}
      age_days: 412
      expires_in_days: null
      expired: false
      passwords: 1
      current_passwords: 1
      matches: [own name]
      not_compared: ''
  contains:
    id:
      description: The user's id.
      type: str
    name:
      description: The user's name.
      type: str
    domain:
      description: The name of the user's domain, or its id where it has none.
      type: str
    enabled:
      description: Whether the user is enabled; null where Keystone hasn't said.
      type: bool
    algorithm:
      description:
        - What made the newest hash, V(bcrypt), V(bcrypt_sha256), V(scrypt), V(pbkdf2_sha512) or V(sha512_crypt).
        - V(none) where the user has no password, V(unknown) where the hash is of none of these forms.
      type: str
    cost:
      description: Its cost by the algorithm's own names, C(rounds), or C(n), C(r) and C(p). bcrypt's rounds are a power of 2.
      type: dict
    age_days:
      description: How many days ago it was made; null where that isn't known.
      type: int
    expires_in_days:
      description: In how many days it expires, below 0 where it has; null where it never does.
      type: int
    expired:
      description: Whether it has expired.
      type: bool
    passwords:
      description: How many passwords Keystone keeps of the user, former ones as well.
      type: int
    current_passwords:
      description: How many of them haven't expired. More than one is left over from something; Keystone asks for the newest.
      type: int
    matches:
      description: The labels of the candidates that are this user's password.
      type: list
      elements: str
    not_compared:
      description: >-
        Why some or all candidates weren't compared, V(library), V(time) or V(unknown) (the hash can't be); empty where all were, or where there
        is no password.
      type: str
counts:
  description: >-
    How many users there are, by C(algorithms), with an C(expired) password, C(several_current) ones, C(matched) by a candidate,
    and C(not_compared).
  returned: success, and when only some could not be compared
  type: dict
  sample: {users: 12, algorithms: {bcrypt: 11, none: 1}, expired: 0, several_current: 0, matched: 1, not_compared: 0}
text:
  description: >-
    Totals, and a table of the users for a terminal, a line each. Those with a known, expired or uncompared password, or several current ones, come
    first; of more than 60 users, they are the only ones.
  returned: success, and when only some could not be compared
  type: list
  elements: str
  sample:
    - "1 local user(s): 1 with a known password, 0 not compared, 0 expired, 0 with several current passwords."
    - "user    domain   algorithm  cost       age, days  expires, days  current  known as  not compared"
    - "glance  Default  bcrypt     rounds=12        412                       1  own name"
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._keystone import database, report
from ansible_collections.openstack_ops.day2.plugins.module_utils._keystone.candidates import unpacked
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run, runner


def argument_spec() -> dict[str, t.Any]:
    return dict(
        database=dict(type="str", default="keystone"),
        defaults_file=dict(type="path"),
        candidates=dict(type="str", default="", no_log=True),
        own_name=dict(type="bool", default=True),
        seconds=dict(type="int", default=600),
    )


def job(module: AnsibleModule) -> Outcome:
    params = module.params
    candidates = unpacked(params["candidates"])
    if params["seconds"] < 1:
        raise OperatorError(f"seconds is {params['seconds']}; give at least 1.")
    found = database.read(runner(module), params["database"], params["defaults_file"] or "")
    told = report.rows(found)
    problems: list[str] = []
    if candidates or params["own_name"]:
        problems = report.compare(told, candidates, own_name=params["own_name"], seconds=params["seconds"])
    result = dict(users=[one.public() for one in told], counts=report.counts(told), text=report.lines(told))
    return Outcome(False, result, failures=problems)


def main() -> None:
    run(AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True), job)


if __name__ == "__main__":
    main()
