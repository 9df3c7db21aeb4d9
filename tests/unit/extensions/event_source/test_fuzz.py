# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a message holds, it is a notification or malformed: one that ended the source would never be acknowledged."""

from __future__ import annotations

import json
import os

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.openstack_ops.day2.extensions.eda.plugins.event_source import oslo_notifications as events

_EXAMPLES = settings(max_examples=int(os.environ.get("FUZZ", "50")), deadline=None)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@_EXAMPLES
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "event_type": st.sampled_from(
                ("compute.instance.create.end", "instance.update", "port.update.end", "floatingip.update.end")
            )
            | _JSON,
            "timestamp": st.text(max_size=12)
            | st.sampled_from(("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-29 08:00:00")),
            "payload": _JSON,
            "message_id": _JSON,
            "publisher_id": _JSON,
            "priority": _JSON,
        },
    )
    | _JSON,
    st.booleans(),
)
def test_a_notification(message: object, in_envelope: bool) -> None:
    body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(message)} if in_envelope else message)
    try:
        told = events.decode(body.encode())
    except events.Malformed:
        pass
    else:
        assert told.type
