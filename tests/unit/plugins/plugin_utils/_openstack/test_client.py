# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import os
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack import config
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.client import FetchedRegion, fetch
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.computes import Lists, build
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import Query, find_regions, identity
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.connect import NotInCatalog
from ansible_collections.openstack_ops.day2.tests.unit.plugins.plugin_utils._openstack.fake_cloud import (
    APPLICATION_CREDENTIAL,
    PASSWORD,
    FakeCloud,
    recorded,
)

Ask = t.Callable[..., FetchedRegion]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the OS_* variables nor the clouds.yaml of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def cloud() -> t.Iterator[FakeCloud]:
    with FakeCloud() as made:
        yield made


@pytest.fixture
def ask(cloud: FakeCloud, tmp_path: Path) -> Ask:
    """Fetches the first region of the fake cloud; the arguments are a Query's, and clouds.yaml's."""

    def ask(password: str = PASSWORD, clouds_yaml: dict[str, t.Any] | None = None, **query: t.Any) -> FetchedRegion:
        path = cloud.clouds_yaml(tmp_path, password, **(clouds_yaml or {}))
        wanted = Query(cloud="fake", clouds_yaml=path, **query)
        return fetch(find_regions(wanted)[0], wanted)

    return ask


def many(count: int) -> dict[str, t.Any]:
    """The recorded cloud with so many servers, each with a port and a floating IP."""
    lists = recorded()
    lists["ports"] = [port for port in lists["ports"] if port["device_owner"].startswith("compute:")]
    for name in ("servers", "ports", "floatingips"):
        template = lists[name][0]
        lists[name] = [{**copy.deepcopy(template), "id": f"{name}-{number}"} for number in range(count)]
    for number, server in enumerate(lists["servers"]):
        server["OS-EXT-SRV-ATTR:host"] = f"cmp0{number % 3 + 1}"
    for number, port in enumerate(lists["ports"]):
        port["device_id"] = f"servers-{number}"
    return lists


def test_everything_that_was_recorded_comes_back(ask: Ask) -> None:
    lists: t.Any = recorded()
    answer = ask()
    lists["servers"].sort(key=lambda server: server["OS-EXT-SRV-ATTR:host"])
    assert {**answer.lists, "cloud": "mini"} == lists
    assert len(build(answer.lists)) == 3
    assert answer.remarks == []


@pytest.mark.parametrize("servers", [1, 100, 1000])
def test_number_of_requests_is_the_same_for_any_number_of_servers(cloud: FakeCloud, ask: Ask, servers: int) -> None:
    cloud.lists = many(servers)
    answer = ask()
    assert len(answer.lists["servers"]) == len(answer.lists["ports"]) == servers
    # Keystone's version, a token, Nova's version, eight lists; of each of three computes its servers, and two of Placement's.
    assert answer.requests == len(cloud.asked) == 3 + 9 + 3 * 3


def test_pages_are_followed_to_the_end_by_their_question_alone(cloud: FakeCloud, ask: Ask) -> None:
    cloud.lists, cloud.page = many(75), 10
    answer = ask()
    for name in ("servers", "ports", "floatingips"):
        assert {row["id"] for row in answer.lists[name]} == {row["id"] for row in cloud.lists[name]}  # type: ignore[literal-required]
    assert cloud.count("/servers/detail") == 3 * 3, "25 servers on each host"
    assert cloud.count("/ports") == cloud.count("/floatingips") == 8
    assert (answer.requests, answer.further_pages) == (21 + 3 * 2 + 7 + 7, 3 * 2 + 7 + 7)


def test_server_that_moves_to_a_host_that_was_asked_before_is_found(
    cloud: FakeCloud, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = next(row for row in cloud.lists["servers"] if row["OS-EXT-SRV-ATTR:host"] == "cmp03")
    port = next(row for row in cloud.lists["ports"] if row["device_id"] == server["id"])
    port["binding:host_id"], port["device_owner"] = "cmp01", "compute:nova"
    server["OS-EXT-SRV-ATTR:host"] = "on its way"
    page = cloud._page

    def arrive(key: str, *rest: t.Any) -> dict[str, t.Any]:
        answer = page(key, *rest)
        if key == "servers" and cloud.count("/servers/detail") == 3:
            server["OS-EXT-SRV-ATTR:host"] = "cmp01"
        return answer

    monkeypatch.setattr(cloud, "_page", arrive)
    assert server["id"] in {row["id"] for row in ask().lists["servers"]}
    assert cloud.count("/servers/detail") == 4


def test_pages_that_link_to_each_other_end_in_an_error(
    cloud: FakeCloud, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    neutron = cloud._neutron

    def looped(path: str, rest: str, query: str) -> t.Any:
        code, answer, headers = neutron(path, rest, query)
        if "ports" in answer:
            answer["ports_links"] = [{"rel": "next", "href": f"{cloud.url}/?fields=id"}]
        return code, answer, headers

    monkeypatch.setattr(cloud, "_neutron", looped)
    with pytest.raises(OperatorError, match="Neutron links page after page of /ports to each other"):
        ask(placement=False)


def test_slow_lists_are_waited_for_side_by_side(cloud: FakeCloud, ask: Ask) -> None:
    cloud.delays = {"/servers/detail": 0.6, "/ports": 0.6, "/os-hypervisors/detail": 0.6, "/subnets": 0.6}
    seconds = ask().seconds
    assert seconds["servers"] > 0.5
    assert seconds["all"] < 1.8, "one after another they take 2.4 s"


def test_ports_are_asked_for_by_fields(cloud: FakeCloud, ask: Ask) -> None:
    ask()
    (asked,) = [path for path in cloud.asked if "/ports?" in path]
    assert "fields=binding%3Avif_details" in asked
    assert "security_groups" not in asked


def test_without_instance_ports_only_small_lists_are_read(cloud: FakeCloud, ask: Ask) -> None:
    answer = ask(instance_ports=False)
    assert answer.lists["servers"] == answer.lists["ports"] == []
    assert cloud.count("/servers/detail") == 0
    assert not any("/network/" in path for path in cloud.asked)
    assert all(host["compute"]["placement"] for host in build(answer.lists))


def test_without_placement_it_is_not_asked_and_not_needed(cloud: FakeCloud, ask: Ask) -> None:
    cloud.services = ("compute", "network")
    assert ask(placement=False).lists["placement"] == {}


def test_compute_that_placement_does_not_know_has_no_numbers(cloud: FakeCloud, ask: Ask) -> None:
    known = cloud.lists["placement"]
    known.pop(next(iter(known)))
    assert len(ask().lists["placement"]) == 2


def test_bare_metal_nodes_are_not_asked_of_placement(cloud: FakeCloud, ask: Ask) -> None:
    for hypervisor in cloud.lists["hypervisors"]:
        hypervisor["service"]["host"] = "ironic1"
    assert ask().lists["placement"] == {}
    assert cloud.count("/usages") == 0


def test_neutron_without_routers_and_qos_has_no_floating_ips_and_no_policies(cloud: FakeCloud, ask: Ask) -> None:
    cloud.no_neutron_extensions = True
    cloud.lists["ports"] = [port for port in cloud.lists["ports"] if port["device_owner"] != "network:floatingip"]
    for port in cloud.lists["ports"]:
        port["qos_policy_id"] = None
    lists = ask().lists
    assert lists["floatingips"] == lists["qos_policies"] == lists["trunks"] == []
    assert lists["ports"]


def test_nova_is_asked_below_the_versions_that_cost_more(ask: Ask) -> None:
    # From 2.88 on, Nova leaves these out, because it asks every compute for its uptime instead.
    assert all("vcpus" in hypervisor for hypervisor in ask().lists["hypervisors"])


def test_older_nova_gives_what_it_has_and_a_remark(cloud: FakeCloud, ask: Ask) -> None:
    cloud.newest = (2, 42)
    answer = ask()
    assert answer.lists["placement"] == {}
    port, *_others = [port for port in build(answer.lists)[0]["instance_ports"] if port["instance"]]
    assert port["instance"]
    assert port["instance"]["flavor"]["vcpus"] is None
    assert answer.remarks == [
        "Nova of the cloud fake, region RegionOne knows microversions up to 2.42 only: "
        "2.53 is needed to tell what Placement says about a compute, and 2.47 to tell flavors."
    ]


def test_passing_trouble_of_a_service_is_repeated(cloud: FakeCloud, ask: Ask) -> None:
    cloud.failures = {"/servers/detail": [503], "/ports": [502]}
    answer = ask()
    assert len(answer.lists["servers"]) == 8
    assert answer.requests == 3 + 9 + 3 * 3 + 2


@pytest.mark.parametrize("code", [404, 429, 503, 200], ids=["not found", "too many", "unavailable", "cut off"])
@pytest.mark.parametrize("path", ["/floatingips", "/qos/policies"])
def test_one_bad_answer_takes_nothing_away(cloud: FakeCloud, ask: Ask, path: str, code: int) -> None:
    cloud.failures, cloud.retry_after = {path: [code]}, "0"
    lists = ask(placement=False).lists
    assert len(lists["floatingips"]) == 4
    assert len(lists["qos_policies"]) == 1


@pytest.mark.parametrize("code", [404, 400, 200], ids=["not found", "marker gone", "cut off"])
def test_list_that_breaks_off_is_read_again_from_its_beginning(cloud: FakeCloud, ask: Ask, code: int) -> None:
    cloud.lists, cloud.page = many(75), 25
    cloud.failures = {"/floatingips": [0, 0, *[code] * (1 if code != 200 else 3)]}
    answer = ask(placement=False)
    assert {row["id"] for row in answer.lists["floatingips"]} == {row["id"] for row in cloud.lists["floatingips"]}
    assert len(answer.lists["floatingips"]) == 75


def test_error_floating_ips_that_neutron_has_by_its_own_list_are_not_found(cloud: FakeCloud, ask: Ask) -> None:
    cloud.failures = {"/floatingips": [404] * 9}
    with pytest.raises(OperatorError, match="Neutron's /floatingips of .* was answered with HTTP 404"):
        ask(placement=False)


def test_error_a_list_of_extensions_that_is_not_whole(cloud: FakeCloud, ask: Ask) -> None:
    """As something before Neutron gives it: no extension is absent because of that, and no floating IP."""
    cloud.failures, cloud.short = {"/floatingips": [404] * 9}, {"/extensions": [0] * 9}
    with pytest.raises(
        OperatorError, match="Neutron's /extensions lists not even binding or security-group, so it doesn't"
    ):
        ask(placement=False)


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_a_list_of_ports_that_is_too_short_takes_no_instances_ports_away(cloud: FakeCloud, ask: Ask, rows: int) -> None:
    of_instances = {port["id"] for port in cloud.lists["ports"] if port["device_owner"].startswith("compute:")}
    cloud.lists["ports"].sort(key=lambda port: str(port["device_owner"]).startswith("compute:"), reverse=True)
    cloud.short = {"/ports": [rows]}
    assert of_instances <= {port["id"] for port in ask(placement=False).lists["ports"]}


def test_ports_that_servers_have_are_not_asked_for_twice(cloud: FakeCloud, ask: Ask) -> None:
    ask(placement=False)
    assert cloud.count("/ports") == 1


@pytest.mark.parametrize("once", [True, False])
def test_a_list_of_aggregates_that_is_too_short_is_read_again(cloud: FakeCloud, ask: Ask, once: bool) -> None:
    for number, service in enumerate(cloud.lists["services"]):
        service["zone"] = f"az{number}"
    cloud.lists["aggregates"] = [
        {
            "id": number,
            "name": f"a{number}",
            "hosts": [service["host"]],
            "metadata": {"availability_zone": service["zone"]},
        }
        for number, service in enumerate(cloud.lists["services"])
    ]
    cloud.short = {"/os-aggregates": [0] if once else [0] * 9}
    if once:
        assert len(ask(placement=False).lists["aggregates"]) == len(cloud.lists["services"])
    else:
        with pytest.raises(OperatorError, match="Nova has computes in the zones az0, az1, .*shows no aggregate"):
            ask(placement=False)


def test_external_networks_are_known_where_only_some_hosts_are_read(cloud: FakeCloud, ask: Ask) -> None:
    whole, some = ask(placement=False).lists, ask(placement=False, at_hosts=("cmp01",)).lists
    for lists in (whole, some):
        (host, *_others) = build(lists)
        assert host["compute"]["external_subnets"] == ["2001:db8:203::/64", "203.0.113.0/24"]
    assert len(some["networks"]) == len({network["id"] for network in some["networks"]}) < len(whole["networks"])


def test_subports_are_known_where_only_some_hosts_are_read(cloud: FakeCloud, ask: Ask) -> None:
    """Also those that aren't bound, or elsewhere: what is exempt mustn't depend on how much is read."""
    parent, below = (
        next(port for port in cloud.lists["ports"] if port["binding:host_id"] == host and port["fixed_ips"])
        for host in ("cmp01", "cmp02")
    )
    vlan = {"port_id": below["id"], "segmentation_id": 100, "segmentation_type": "vlan"}
    elsewhere = {"id": "other", "port_id": below["id"], "sub_ports": [{**vlan, "port_id": "f" * 36}]}
    cloud.lists["trunks"] = [{"id": "one", "port_id": parent["id"], "sub_ports": [vlan]}, elsewhere]
    whole, some = (
        next(port for host in build(lists) for port in host["instance_ports"] if port["port_id"] == parent["id"])
        for lists in (ask(placement=False).lists, ask(placement=False, at_hosts=("cmp01",)).lists)
    )
    assert whole["subports"] == some["subports"]
    (one,) = some["subports"]
    assert one["port_id"] == below["id"]
    assert all(address["cidr"] for address in one["fixed_ips"])


def test_error_neutron_without_routers_has_ports_of_floating_ips(cloud: FakeCloud, ask: Ask) -> None:
    cloud.no_neutron_extensions = True
    with pytest.raises(
        OperatorError, match=r"Neutron's /floatingips doesn't show [0-9a-f-]+ \(one of 4\), which ports"
    ):
        ask(placement=False)


def test_error_neutron_shows_the_ports_of_the_own_project_alone(cloud: FakeCloud, ask: Ask) -> None:
    cloud.project = cloud.ports_of = cloud.lists["servers"][0]["tenant_id"]
    with pytest.raises(
        OperatorError, match="Neutron shows only ports of the token's own project, while servers of 1 oth"
    ):
        ask(placement=False)


def test_error_nova_hides_the_servers_hosts(cloud: FakeCloud, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    page = cloud._page

    def stripped(key: str, rows: list[t.Any], *rest: t.Any) -> dict[str, t.Any]:
        for row in rows if key == "servers" else []:
            row.pop("OS-EXT-SRV-ATTR:host", None)
        return page(key, rows, *rest)

    monkeypatch.setattr(cloud, "_page", stripped)
    with pytest.raises(OperatorError, match="^Nova shows no server's host to operator"):
        ask(placement=False)


def test_error_a_cell_s_database_fails_between_two_lists(cloud: FakeCloud, ask: Ask) -> None:
    cloud.unreached = {row["id"] for row in cloud.lists["servers"] if row["OS-EXT-SRV-ATTR:host"] == "cmp03"}
    with pytest.raises(OperatorError, match="Nova lists no server on cmp03, while nova-compute there has told of"):
        ask(placement=False)


def test_error_of_a_list_names_the_hosts_of_a_cell_that_is_down(cloud: FakeCloud, ask: Ask) -> None:
    cloud.lists["services"][0].update(status="UNKNOWN")
    cloud.failures, cloud.delays = {"/os-hypervisors/detail": [500] * 9}, {"/os-hypervisors/detail": 0.1}
    host = cloud.lists["services"][0]["host"]
    with pytest.raises(
        OperatorError, match=f"HTTP 500; .* Nova doesn't reach the database of the cell of {host}; look"
    ):
        ask(placement=False)


@pytest.mark.parametrize("code", [429, 503])
def test_passing_trouble_of_keystone_is_repeated(cloud: FakeCloud, ask: Ask, code: int) -> None:
    cloud.failures, cloud.retry_after = {"/auth/tokens": [code, code]}, "0"
    assert len(ask(placement=False).lists["servers"]) == 8


def test_error_nobody_waits_an_hour_because_a_service_says_so(cloud: FakeCloud, ask: Ask) -> None:
    cloud.failures, cloud.retry_after = {"/os-aggregates": [429]}, "3600"
    with pytest.raises(OperatorError, match="HTTP 429; it asks for a pause of 3600 s"):
        ask(placement=False)


def test_application_credential_of_the_environment_is_enough(cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_AUTH_TYPE", "v3applicationcredential")
    monkeypatch.setenv("OS_AUTH_URL", f"{cloud.url}/v3")
    monkeypatch.setenv("OS_APPLICATION_CREDENTIAL_ID", APPLICATION_CREDENTIAL[0])
    monkeypatch.setenv("OS_APPLICATION_CREDENTIAL_SECRET", APPLICATION_CREDENTIAL[1])
    query = Query(regions=("RegionOne",))
    (region,) = find_regions(query)
    assert len(fetch(region, query).lists["servers"]) == 8
    assert APPLICATION_CREDENTIAL[1] not in str(identity(region))


def test_regions_are_those_of_clouds_yaml_unless_some_are_wished_for(cloud: FakeCloud, tmp_path: Path) -> None:
    path = cloud.clouds_yaml(tmp_path, regions=["north", {"name": "south", "values": {"interface": "internal"}}])

    def found(*regions: str) -> list[tuple[str, str]]:
        query = Query(cloud="fake", clouds_yaml=path, regions=regions)
        return [(region.region_name, region.config["interface"]) for region in find_regions(query)]

    assert found() == [("north", "public"), ("south", "internal")]
    assert found("south") == [("south", "internal")]


def test_identity_tells_users_and_projects_apart_and_no_secret(cloud: FakeCloud, tmp_path: Path) -> None:
    path = cloud.clouds_yaml(tmp_path)
    (region,) = find_regions(Query(cloud="fake", clouds_yaml=path))
    told = identity(region)
    assert (told["username"], told["project_name"], told["region"]) == ("operator", "admin", "RegionOne")
    assert told["auth_url"] == f"{cloud.url}/v3"
    assert PASSWORD not in str(told)


# What is broken, as fields of the cloud and arguments of `ask`; what the operator reads.
ERRORS: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], str]] = {
    "a wrong password": (
        {},
        {"password": "Tr0ub4dor&3"},
        "Keystone at {url}/v3 refuses the credentials of the cloud fake, region RegionOne (HTTP 401); "
        "correct the password or the application credential in clouds.yaml or the environment.",
    ),
    "Keystone in trouble": (
        {"failures": {"/auth/tokens": [500] * 9}},
        {},
        "Keystone at {url}/v3 answers the log-in to the cloud fake, region RegionOne with HTTP 500; "
        "correct auth_url, or look after Keystone.",
    ),
    "a list that fails for good": (
        {"failures": {"/os-aggregates": [500] * 9}},
        {},
        "Nova's /os-aggregates of the cloud fake, region RegionOne was answered with HTTP 500; "
        "look into the service's log.",
    ),
    "a list that takes too long": (
        {"delays": {"/subnets": 1.5}},
        {"timeout": 0.3, "placement": False},
        "Neutron's /subnets of the cloud fake, region RegionOne did not answer within 0.3 s; "
        "raise timeout, or look after the service.",
    ),
    "Placement missing in the catalog": (
        {"services": ("compute", "network")},
        {},
        "The catalog of the cloud fake has no public endpoint of Placement (placement) in the region RegionOne; "
        "it has none at all. Correct regions or interface, or switch placement off.",
    ),
    "Neutron missing in the catalog": (
        {"services": ("compute", "placement")},
        {},
        "The catalog of the cloud fake has no public endpoint of Neutron (network) in the region RegionOne; "
        "it has none at all. Correct regions or interface, or switch instance_ports off.",
    ),
    "a region that the catalog does not have": (
        {},
        {"regions": ("RegionTwo",)},
        "The catalog of the cloud fake has no public endpoint of Nova (compute) in the region RegionTwo; "
        "it has internal in RegionOne, public in RegionOne. Correct regions or interface.",
    ),
    "an interface that the catalog does not have": (
        {},
        {"interface": "admin"},
        "The catalog of the cloud fake has no admin endpoint of Nova (compute) in the region RegionOne; "
        "it has internal in RegionOne, public in RegionOne. Correct regions or interface.",
    ),
    "a region that clouds.yaml does not have": (
        {},
        {"regions": ("east",), "clouds_yaml": {"regions": ["north", "south"]}},
        "The cloud fake has no region east in {folder}/clouds.yaml; it has north, south.",
    ),
}


@pytest.mark.parametrize(("broken", "asked", "sentence"), ERRORS.values(), ids=ERRORS)
def test_error_is_one_sentence_with_the_way_out(
    cloud: FakeCloud, ask: Ask, tmp_path: Path, broken: dict[str, t.Any], asked: dict[str, t.Any], sentence: str
) -> None:
    for name, value in copy.deepcopy(broken).items():
        setattr(cloud, name, value)
    with pytest.raises(OperatorError) as caught:
        ask(**asked)
    assert str(caught.value) == sentence.format(url=cloud.url, folder=tmp_path)
    assert asked.get("password", PASSWORD) not in str(caught.value)


@pytest.mark.parametrize(
    ("case", "absent"),
    {
        "Placement missing in the catalog": True,
        "a region that the catalog does not have": True,
        "an interface that the catalog does not have": False,
    }.items(),
)
def test_only_what_the_catalog_has_by_no_interface_is_known_to_be_absent(
    cloud: FakeCloud, ask: Ask, case: str, absent: bool
) -> None:
    broken, asked, _sentence = ERRORS[case]
    for name, value in broken.items():
        setattr(cloud, name, value)
    with pytest.raises(OperatorError) as caught:
        ask(**asked)
    assert isinstance(caught.value, NotInCatalog) == absent


def test_error_for_a_project_without_admin_rights_names_the_list(cloud: FakeCloud, ask: Ask) -> None:
    cloud.admin = False
    with pytest.raises(OperatorError) as caught:
        ask()
    # Which of them is refused first is up to Nova.
    asked, _separator, rest = str(caught.value).partition(" is refused (HTTP 403) ")
    assert asked in (
        "Nova's /servers/detail",
        "Nova's /os-hypervisors/detail",
        "Nova's /os-services",
        "Nova's /os-aggregates",
    )
    assert rest == (
        "to operator in the project admin of the cloud fake, region RegionOne: an inventory of computes needs the admin "
        "role, for Neutron shows networks, subnets and floating IPs of all projects to no other."
    )


def test_error_neutron_cuts_the_list_of_ports_silently(cloud: FakeCloud, ask: Ask) -> None:
    cloud.admin, cloud.nova_is_generous = False, True
    with pytest.raises(
        OperatorError, match=r"^Neutron shows no port's binding to operator in the project admin of .* admin role"
    ):
        ask()


def test_error_nothing_listens_at_auth_url(ask: Ask, cloud: FakeCloud) -> None:
    cloud.__exit__()
    with pytest.raises(OperatorError) as caught:
        ask()
    assert str(caught.value) == (
        f"Keystone at {cloud.url}/v3 of the cloud fake, region RegionOne can't be reached (ConnectFailure); "
        "look after the network and the service, or correct auth_url, regions or interface."
    )


def test_error_shows_an_auth_url_without_what_is_secret_in_it(tmp_path: Path, cloud: FakeCloud) -> None:
    cloud.url = cloud.url.replace("http://", "http://operator:hunter2@")
    query = Query(cloud="fake", clouds_yaml=cloud.clouds_yaml(tmp_path, "wrong"))
    with pytest.raises(OperatorError, match="refuses the credentials") as caught:
        fetch(find_regions(query)[0], query)
    assert "hunter2" not in str(caught.value)


CONFIGURATIONS: dict[str, tuple[str | None, dict[str, t.Any], str]] = {
    "no such file": (
        None,
        {"cloud": "lab", "clouds_yaml": "{file}"},
        "The client configuration {file} can't be read (No such file or directory); "
        "correct clouds_yaml_path or OS_CLIENT_CONFIG_FILE.",
    ),
    "no YAML": (
        "clouds: [",
        {"cloud": "lab", "clouds_yaml": "{file}"},
        "The client configuration {file} is not valid YAML; correct it.",
    ),
    "an empty file": (
        "",
        {"cloud": "lab", "clouds_yaml": "{file}"},
        "The client configuration {file} has no clouds; correct it.",
    ),
    "an unknown cloud": (
        "clouds: {a: {auth: {auth_url: http://192.0.2.1/v3}}, b: {auth: {auth_url: http://192.0.2.2/v3}}}",
        {"cloud": "lab", "clouds_yaml": "{file}"},
        "There is no cloud lab in the client configuration {file}; it has a, b.",
    ),
    "several clouds, none of them named": (
        "clouds: {a: {auth: {auth_url: http://192.0.2.1/v3}}, b: {auth: {auth_url: http://192.0.2.2/v3}}}",
        {"clouds_yaml": "{file}"},
        "The client configuration {file} has the clouds a, b; name one of them with the option cloud or OS_CLOUD.",
    ),
    "nothing at all": (
        None,
        {},
        "Nothing says how to reach a cloud; write a clouds.yaml and name a cloud of it with the option cloud or OS_CLOUD, "
        "or set OS_AUTH_URL and the other OS_* variables.",
    ),
    "a cloud without an address": (
        "clouds: {lab: {auth: {username: me}}}",
        {"cloud": "lab", "clouds_yaml": "{file}"},
        "The configuration of the cloud lab lacks auth_url; add it.",
    ),
}


def test_without_openstacksdk_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "SDK_ERROR", "No module named 'openstack'")
    with pytest.raises(
        OperatorError, match=f"No module named 'openstack'.*: {sys.executable} -m pip install openstacksdk$"
    ):
        find_regions(Query())


@pytest.mark.parametrize(("written", "query", "sentence"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_configuration_error_is_one_sentence(
    tmp_path: Path, written: str | None, query: dict[str, t.Any], sentence: str
) -> None:
    file = tmp_path / "mine.yaml"
    if written is not None:
        file.write_text(written)
    options: dict[str, t.Any] = {key: str(value).format(file=file) for key, value in query.items()}
    with pytest.raises(OperatorError) as caught:
        find_regions(Query(**options))
    assert str(caught.value) == sentence.format(file=file)


def test_lists_are_what_build_takes(ask: Ask) -> None:
    assert set(ask().lists) == set(Lists.__annotations__)
