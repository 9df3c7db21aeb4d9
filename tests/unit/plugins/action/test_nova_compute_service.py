# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When Nova is asked to change something, and when what somebody else wanted is left alone."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.compute_service import ServiceState, plan
from ansible_collections.openstack_ops.day2.tests.unit.plugins.plugin_utils._openstack.fake_cloud import FakeCloud

if t.TYPE_CHECKING:
    from .conftest import RunAction

NAME = "openstack_ops.day2.nova_compute_service"
OURS = "instances volume is being resized"

Act = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def cloud() -> t.Iterator[FakeCloud]:
    with FakeCloud() as made:
        yield made


@pytest.fixture
def act(cloud: FakeCloud, tmp_path: Path, run_action: RunAction) -> Act:
    """Runs the action plugin on cmp01; the arguments are its options, and clouds.yaml's."""

    def act(
        state: str, *, check: bool = False, clouds_yaml: dict[str, t.Any] | None = None, **options: t.Any
    ) -> dict[str, t.Any]:
        written = {"cloud": "fake", "clouds_yaml_path": cloud.clouds_yaml(tmp_path, **(clouds_yaml or {}))}
        args = {**written, "host": "cmp01", "state": state, "reason": OURS, **options}
        return run_action(NAME, args, check_mode=check, diff=True)

    return act


def service(cloud: FakeCloud, host: str = "cmp01") -> dict[str, t.Any]:
    return next(dict(row) for row in cloud.lists["services"] if row["host"] == host)


@pytest.mark.parametrize(
    ("status", "reason", "state", "sent"),
    [
        pytest.param("enabled", "", "disabled", {"status": "disabled", "disabled_reason": OURS}, id="taken out"),
        pytest.param("disabled", OURS, "disabled", None, id="is out already"),
        pytest.param("disabled", "broken fan", "disabled", None, id="somebody else took it out"),
        pytest.param("disabled", OURS, "enabled", {"status": "enabled"}, id="put back"),
        pytest.param("disabled", "broken fan", "enabled", None, id="not ours to put back"),
        pytest.param("disabled", "", "enabled", None, id="nobody knows whose it is"),
        pytest.param("enabled", "", "enabled", None, id="is in already"),
    ],
)
def test_what_is_sent(status: str, reason: str, state: str, sent: dict[str, str] | None) -> None:
    assert plan(ServiceState(status, reason), state, OURS).sent == sent


def test_out_and_back_and_a_second_run_changes_nothing(cloud: FakeCloud, act: Act) -> None:
    enabled, disabled = (
        {"status": "enabled", "disabled_reason": ""},
        {"status": "disabled", "disabled_reason": OURS},
    )
    for state, before, after in (("disabled", enabled, disabled), ("enabled", disabled, enabled)):
        first = act(state)
        assert first["changed"]
        assert first["diff"] == {"before": before, "after": after}
        assert {key: first[key] for key in after} == after
        assert {key: service(cloud)[key] or "" for key in after} == after
        second = act(state)
        assert not second["changed"]
        assert second["diff"] == {"before": after, "after": after}
    assert service(cloud, "cmp02")["status"] == "enabled"


def test_check_mode_predicts_and_changes_nothing(cloud: FakeCloud, act: Act) -> None:
    predicted = act("disabled", check=True)
    assert service(cloud)["status"] == "enabled"
    assert predicted == act("disabled")


def test_the_service_of_the_region_is_asked_for(cloud: FakeCloud, act: Act) -> None:
    cloud.regions = ("north", "south")
    regions = {"regions": ["north", "south"]}
    with pytest.raises(AnsibleActionFail, match="has the regions north, south; name the host's with the option region"):
        act("disabled", clouds_yaml=regions)
    assert act("disabled", clouds_yaml=regions, region="south")["changed"]
    assert {one.split("/")[2] for one in cloud.asked if one.startswith("/compute/")} == {"south"}


@pytest.mark.parametrize(
    ("broken", "options", "error"),
    [
        (
            {},
            {"host": "cmp99"},
            "Nova has 0 services nova-compute on cmp99, wanted one; name the host as Nova calls it",
        ),
        ({}, {"clouds_yaml": {"password": "wrong"}}, "Keystone at .* refuses the credentials of the cloud fake"),
        ({"admin": False}, {}, "is refused .* changing a compute service needs the admin role"),
        ({"newest": (2, 42)}, {}, "knows microversions up to 2.42 only; 2.53 is needed"),
        ({"frozen": True}, {}, "Nova's service nova-compute on cmp01: still differs after every step succeeded"),
        ({"services": ()}, {}, "no public endpoint of Nova"),
    ],
    ids=["no such host", "wrong password", "no admin", "old Nova", "nothing happens", "no Nova"],
)
def test_an_error_tells_the_way_out(
    cloud: FakeCloud, act: Act, broken: dict[str, t.Any], options: dict[str, t.Any], error: str
) -> None:
    for name, value in broken.items():
        setattr(cloud, name, value)
    with pytest.raises(AnsibleActionFail, match=error):
        act("disabled", **options)
