# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugin as Ansible runs it, through an inventory manager, against a cloud of lists."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleParserError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader
from ansible.template import Templar
from ansible.utils.display import Display
from ansible.utils.vars import load_extra_vars
from ansible.vars.manager import VariableManager

from ansible_collections.openstack_ops.day2.tests.unit.plugins.plugin_utils._openstack.fake_cloud import (
    APPLICATION_CREDENTIAL,
    PASSWORD,
    FakeCloud,
)

NAME = "openstack_ops.day2.nova_computes"
HOSTILE = "{{ lookup('pipe','touch /tmp/pwned') }}"


class Parsed:
    """An inventory, to be asked."""

    def __init__(self, manager: InventoryManager) -> None:
        self.manager = manager

    @property
    def hosts(self) -> list[str]:
        return sorted(self.manager.hosts)

    def variables(self, host: str) -> dict[str, t.Any]:
        return dict(self.manager.get_host(host).vars)

    @property
    def groups(self) -> dict[str, list[str]]:
        return {name: sorted(hosts) for name, hosts in self.manager.get_groups_dict().items() if hosts}


Parse = t.Callable[..., Parsed]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("OS_", "OPENSTACK_OPS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def cloud() -> t.Iterator[FakeCloud]:
    with FakeCloud() as made:
        yield made


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda self, msg, **_: said.append(msg))
    return said


@pytest.fixture
def parse(cloud: FakeCloud, tmp_path: Path) -> Parse:
    """Reads the fake cloud; the arguments are the plugin's options and, with clouds_yaml, those of the cloud."""

    def parse(*, refresh: bool = False, clouds_yaml: dict[str, t.Any] | None = None, **options: t.Any) -> Parsed:
        path = cloud.clouds_yaml(tmp_path, **(clouds_yaml or {}))
        source = tmp_path / "test.nova_computes.yml"
        source.write_text(yaml.safe_dump({"plugin": NAME, "cloud": "fake", "clouds_yaml_path": path, **options}))
        return Parsed(read(source, refresh=refresh))

    return parse


def read(source: Path, *, refresh: bool = False) -> InventoryManager:
    loader = DataLoader()
    manager = InventoryManager(loader=loader, sources=[], cache=not refresh)
    plugin = inventory_loader.get(NAME)
    assert plugin.verify_file(str(source))
    plugin.parse(manager._inventory, loader, str(source), cache=not refresh)
    # What the manager does after a source that went well.
    if plugin.get_option("cache"):
        plugin.update_cache_if_changed()
    manager._inventory.reconcile_inventory()
    return manager


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("nova_computes.yml", True),
        ("lab.nova_computes.yaml", True),
        ("01-nova_computes.yml", True),
        ("nova_computes.json", False),
        ("nova_computes.yml.bak", False),
    ],
)
def test_file_is_ours_by_the_end_of_its_name(tmp_path: Path, name: str, ours: bool) -> None:
    (tmp_path / name).write_text(f"plugin: {NAME}\n")
    assert inventory_loader.get(NAME).verify_file(str(tmp_path / name)) is ours


def test_hosts_are_the_computes_and_their_ports_are_a_variable(parse: Parse) -> None:
    inventory = parse()
    assert inventory.groups["nova_computes"] == inventory.hosts == ["cmp01", "cmp02", "cmp03"]
    variables = inventory.variables("cmp01")
    assert variables["compute"]["availability_zone"] == "az1"
    assert {port["plug"] for port in variables["instance_ports"]} == {"ovs_hybrid"}
    assert "ansible_host" not in variables


def test_shipped_example_makes_its_groups(cloud: FakeCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", cloud.clouds_yaml(tmp_path))
    monkeypatch.setenv("OS_CLOUD", "fake")
    example = Path(__file__).resolve().parents[4] / "inventories" / "example" / "nova_computes.yml"
    groups = Parsed(read(example)).groups
    assert groups["az_az1"] == groups["aggregate_rack1"] == ["cmp01"]
    assert groups["state_up"] == groups["service_enabled"] == ["cmp01", "cmp02", "cmp03"]


def test_every_option_can_come_from_the_environment(
    cloud: FakeCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.regions = ("north", "south")
    cloud.failures = {"/south/os-services": [500] * 9}
    cloud.lists["services"][0]["state"] = "down"
    down = cloud.lists["services"][0]["host"]
    for name, value in {
        "OS_CLIENT_CONFIG_FILE": cloud.clouds_yaml(tmp_path, regions=["north", "south"]),
        "OPENSTACK_OPS_CLOUD": "fake",
        "OPENSTACK_OPS_REGIONS": "south,north",
        "OPENSTACK_OPS_REGION_ERRORS": "warn",
        "OPENSTACK_OPS_REGION_SUFFIX": "true",
        "OPENSTACK_OPS_INTERFACE": "internal",
        "OPENSTACK_OPS_TIMEOUT": "9.5",
        "OPENSTACK_OPS_INSTANCE_PORTS": "false",
        "OPENSTACK_OPS_PLACEMENT": "false",
        "OPENSTACK_OPS_HOSTS": "cmp0[12],cmp03",
        "OPENSTACK_OPS_ONLY": "up,enabled",
        "OPENSTACK_OPS_INVENTORY_HOSTNAME": "hypervisor_hostname",
        "OPENSTACK_OPS_USE_HOST_IP": "true",
        "OPENSTACK_OPS_GROUP": "hypervisors",
    }.items():
        monkeypatch.setenv(name, value)
    for hypervisor in cloud.lists["hypervisors"]:
        hypervisor["hypervisor_hostname"] += ".example.com"
    cloud.failures = {f"/compute/{region}/v2.1/os-services": [500] * 9 for region in ("south",)}
    source = tmp_path / "nova_computes.yml"
    source.write_text(f"plugin: {NAME}\n")
    inventory = Parsed(read(source))
    expected = sorted(f"{host}.example.com.north" for host in ("cmp01", "cmp02", "cmp03") if host != down)
    assert inventory.groups["hypervisors"] == inventory.hosts == expected
    variables = inventory.variables(expected[0])
    assert variables["ansible_host"] == "127.0.77.1"
    assert variables["compute"]["placement"] is None
    assert "instance_ports" not in variables, "an empty list would have the role purge every limit of the host"


def test_file_named_by_an_option_is_put_before_that_of_the_environment(
    parse: Parse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("clouds: {fake: {auth: {auth_url: http://127.0.0.1:1/v3}}}")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(other))
    assert parse().hosts
    assert os.environ["OS_CLIENT_CONFIG_FILE"] == str(other)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"region": "north"}, r"region \(did you mean regions\?\)"),
        ({"cloudd": "mini"}, r"cloudd \(did you mean cloud\?\)"),
        ({"zzz": 1}, r"zzz \(known are at_hosts, .*, use_host_ip\)"),
        (
            {"keyed_groups": [{"key": "compute.state"}, {"key": "compute.state", "prefx": "s"}]},
            r"keyed_groups, number 2: prefx \(did you mean prefix\?\)",
        ),
        ({"region": "north", "only_": ["up"]}, r"only_ \(did you mean only\?\); region \(did you mean regions\?\)"),
    ],
    ids=["region", "cloud", "nothing like it", "inside keyed_groups", "two at once"],
)
def test_an_unknown_option_is_refused_before_anything_is_asked(
    cloud: FakeCloud, parse: Parse, options: dict[str, t.Any], problem: str
) -> None:
    with pytest.raises(AnsibleParserError, match=f"has options that there aren't: .*{problem}.*Correct them"):
        parse(**options)
    assert cloud.asked == []


def test_every_known_option_is_accepted(parse: Parse) -> None:
    everything = {
        "parent_group": "p",
        "prefix": "x",
        "separator": "-",
        "key": "compute.state",
        "trailing_separator": True,
    }
    assert parse(
        strict=True,
        keyed_groups=[everything],
        groups={"g": "true"},
        compose={"a": "1"},
        leading_separator=False,
        use_extra_vars=False,
        cache=False,
        cache_timeout=1,
    ).hosts


@pytest.mark.parametrize("written", [f"plugin: {NAME}", f"---\ncloud: x\nplugin: '{NAME}'  # ours"])
def test_a_file_of_another_name_is_told_what_to_be_called(tmp_path: Path, written: str) -> None:
    source = tmp_path / "computes.yml"
    source.write_text(written + "\n")
    with pytest.raises(AnsibleParserError, match=r"computes.yml is for .* has to end in nova_computes.yml or nova_"):
        inventory_loader.get("auto").parse(None, DataLoader(), str(source))


@pytest.mark.parametrize("written", ["plugin: amazon.aws.aws_ec2", "all: {hosts: {a: }}", f"#plugin: {NAME}", ""])
def test_a_file_for_somebody_else_is_left_alone(tmp_path: Path, written: str) -> None:
    source = tmp_path / "computes.yml"
    source.write_text(written + "\n")
    assert inventory_loader.get(NAME).verify_file(str(source)) is False


def test_no_option_is_left_out_of_the_environment() -> None:
    plugin = inventory_loader.get(NAME)
    definitions: dict[str, t.Any] = plugin.option_definitions
    in_file_only = {"plugin", "strict", "compose", "groups", "keyed_groups", "leading_separator"}
    assert {name for name, option in definitions.items() if not option.get("env")} == in_file_only


def test_application_credential_alone_is_enough_as_in_awx(
    cloud: FakeCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "OS_AUTH_TYPE": "v3applicationcredential",
        "OS_AUTH_URL": f"{cloud.url}/v3",
        "OS_APPLICATION_CREDENTIAL_ID": APPLICATION_CREDENTIAL[0],
        "OS_APPLICATION_CREDENTIAL_SECRET": APPLICATION_CREDENTIAL[1],
        "OS_REGION_NAME": "RegionOne",
        "OPENSTACK_OPS_REGIONS": "",
        "OS_CLOUD": "",
        "OS_CLIENT_CONFIG_FILE": "",
    }.items():
        monkeypatch.setenv(name, value)
    source = tmp_path / "nova_computes.yml"
    source.write_text(f"plugin: {NAME}\n")
    assert Parsed(read(source)).hosts == ["cmp01", "cmp02", "cmp03"]


@pytest.mark.parametrize(
    ("options", "hosts"),
    [
        ({}, ["cmp01", "cmp02", "cmp03"]),
        ({"hosts": ["cmp*1", "cmp03"]}, ["cmp01", "cmp03"]),
        ({"only": ["up"]}, ["cmp02", "cmp03"]),
        ({"only": ["enabled"]}, ["cmp01", "cmp03"]),
        ({"only": ["up", "enabled"]}, ["cmp03"]),
    ],
    ids=["everything", "by pattern", "only what is up", "only what is enabled", "only what is both"],
)
def test_shows(cloud: FakeCloud, parse: Parse, options: dict[str, t.Any], hosts: list[str]) -> None:
    services = {service["host"]: service for service in cloud.lists["services"]}
    services["cmp01"]["state"] = "down"
    services["cmp02"]["status"] = "disabled"
    assert parse(**options).hosts == hosts


@pytest.mark.parametrize(
    ("options", "hosts"),
    [
        ({"at_hosts": ["cmp01"]}, ["cmp01"]),
        ({"at_hosts": ["cmp03", "cmp02"]}, ["cmp02", "cmp03"]),
        # An instance there has ports on other hosts and one on none.
        ({"at_ports": ["cd0bc46e-50e0-4810-9c26-4d97b028eb77"]}, ["cmp03"]),
        ({"at_ports": ["a4858954-efa6-43d1-9c22-3b03c87eec09"], "at_hosts": ["cmp01"]}, ["cmp01", "cmp02"]),
        ({"at_ports": ["093d9949-c4a6-4856-bdfe-4a55f02b3b1f"]}, []),
        ({"at_ports": ["00000000-0000-4000-8000-000000000000"]}, []),
        ({"at_hosts": ["cmp99", "net01"]}, []),
        ({"at_hosts": ["cmp01", "cmp02"], "only": ["up"], "hosts": ["*2"]}, ["cmp02"]),
    ],
    ids=lambda value: None if isinstance(value, list) else " ".join(value),
)
def test_a_few_hosts_read_alone_are_as_in_the_whole(parse: Parse, options: dict[str, t.Any], hosts: list[str]) -> None:
    whole, some = parse(), parse(**options)
    assert some.hosts == hosts
    assert [some.variables(host) for host in hosts] == [whole.variables(host) for host in hosts]


def test_the_hosts_of_a_project_are_those_with_ports_of_it(cloud: FakeCloud, parse: Parse) -> None:
    project = next(port["project_id"] for port in cloud.lists["ports"] if port["id"].startswith("2844d6c7"))
    other = {host for host in ("cmp01", "cmp02", "cmp03") if host != "cmp02"}
    for port in cloud.lists["ports"]:
        if port["binding:host_id"] in other and port["project_id"] == project:
            port["project_id"] = "another"
    assert parse(at_projects=[project]).hosts == ["cmp02"]


def test_a_few_hosts_cost_requests_for_what_belongs_to_them_alone(cloud: FakeCloud, parse: Parse) -> None:
    assert parse(at_hosts=["cmp01"]).hosts == ["cmp01"]
    asked = [asked for asked in cloud.asked if "/ports" in asked or "/servers/" in asked or "/networks" in asked]
    assert sorted(one.split("?")[0].rsplit("/", 1)[-1] for one in asked) == [
        "detail",
        "networks",
        "networks",
        "ports",
        "ports",
    ]
    narrow = ("host=cmp01", "host_id=cmp01", "device_id=", "&id=", "router%3Aexternal=True")
    assert all(any(part in one for part in narrow) for one in asked)
    assert cloud.count("/inventories") == 1


def test_which_hosts_can_be_said_for_one_run_with_extra_vars(parse: Parse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_extra_vars, "extra_vars", {"nova_computes_at_hosts": ["cmp02"]}, raising=False)
    assert parse().hosts == ["cmp02"]
    # The file has the last word.
    assert parse(at_hosts=["cmp01"]).hosts == ["cmp01"]


def test_bad_expression_is_passed_over_or_with_strict_an_error(parse: Parse) -> None:
    compose = {"bad": "compute.no_such_thing.at_all", "good": "compute.aggregates | length"}
    variables = parse(compose=compose).variables("cmp01")
    assert "bad" not in variables
    assert int(variables["good"]) == 1  # a string until ansible-core 2.18
    for option in (
        {"compose": {"bad": "compute.no_such_thing.at_all"}},
        {"groups": {"bad": "compute.no_such_thing.at_all == 1"}},
        {"keyed_groups": [{"key": "compute.no_such_thing.at_all"}]},
    ):
        parse(**option)
        with pytest.raises(Exception, match="cmp01"):
            parse(strict=True, **option)


def test_documented_examples_hold(parse: Parse) -> None:
    documented = yaml.safe_load_all(inventory_source("EXAMPLES"))
    (example,) = [found for found in documented if found and found.get("cloud") == "lab"]
    inventory = parse(**{name: example[name] for name in ("strict", "keyed_groups", "groups", "compose")})
    assert inventory.groups["ssd_true"] == ["cmp01"]
    assert inventory.groups["hybrid_plug"] == ["cmp01", "cmp02"]
    assert "drained" not in inventory.groups
    variables = inventory.variables("cmp01")
    assert (variables["ansible_host"], float(variables["vcpus_free"])) == ("cmp01", 1000 * 4.0 - 3)


def inventory_source(name: str) -> str:
    from ansible_collections.openstack_ops.day2.plugins.inventory import nova_computes

    return str(getattr(nova_computes, name))


def rendered(inventory: Parsed, host: str, expression: str) -> t.Any:
    """What a playbook's task would see: all variables of the host, and a template of the operator's."""
    variables = VariableManager(loader=DataLoader(), inventory=inventory.manager)
    templar = Templar(loader=DataLoader(), variables=variables.get_vars(host=inventory.manager.get_host(host)))
    try:
        from ansible.template import trust_as_template
    except ImportError:  # ansible-core 2.17 and 2.18
        return templar.template(expression)
    return templar.template(trust_as_template(expression))


EXPRESSIONS = {
    "by itself": "{{ instance_ports[0].instance.name }}",
    "in a text": "name: {{ instance_ports[0].instance.name }}",
    "through a composed variable": "{{ composed }}",
    "through a composed text": "{{ composed_text }}",
    "as the whole list": "{{ instance_ports | map(attribute='network_name') | list }}",
}


@pytest.mark.parametrize("cached", [False, True], ids=["from the cloud", "from the cache"])
@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_what_a_tenant_wrote_is_never_rendered(
    cloud: FakeCloud, parse: Parse, tmp_path: Path, expression: str, cached: bool
) -> None:
    proof = tmp_path / "pwned"
    hostile = "{{ lookup('pipe', 'touch " + str(proof) + "') }}"
    for name in ("servers", "networks", "qos_policies"):
        for row in cloud.lists[name]:
            row["name"] = hostile
    options = {
        "compose": {
            "composed": "instance_ports[0].instance.name",
            "composed_text": "'name: ' ~ instance_ports[0].instance.name",
        },
        "cache": cached,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(tmp_path / "cache"),
    }
    if cached:
        parse(**options)
        cloud.asked.clear()
    inventory = parse(**options)
    assert bool(cloud.asked) is not cached
    # The rendering itself works, or this test could not fail.
    assert str(rendered(inventory, "cmp01", "{{ 40 + 2 }}")) == "42"
    assert hostile in str(rendered(inventory, "cmp01", expression)).replace('\\"', '"').replace("\\'", "'")
    assert not proof.exists()


def test_without_tenant_text_nothing_that_is_kept_in_a_file_is_a_template(cloud: FakeCloud, parse: Parse) -> None:
    """ansible-core 2.19 takes what is in a file for its owner's own text."""
    for name in ("servers", "networks", "qos_policies"):
        for row in cloud.lists[name]:
            row["name"] = HOSTILE
    for row in cloud.lists["ports"]:
        row.update(device_owner=f"network:{HOSTILE}", qos_policy_id=cloud.lists["qos_policies"][0]["id"])
    for tenant_text, there in ((True, True), (False, False)):
        inventory = parse(tenant_text=tenant_text)
        told = json.dumps([inventory.variables(host) for host in inventory.hosts])
        assert ("lookup" in told) is there
    assert [host for host in inventory.hosts if inventory.variables(host)["instance_ports"]], "else this could not fail"


class TestCache:
    @pytest.fixture
    def cached(self, parse: Parse, tmp_path: Path) -> Parse:
        def cached(**options: t.Any) -> Parsed:
            where = {"cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
            return parse(cache=True, **where, **options)

        return cached

    def test_second_read_asks_nothing_and_gives_the_same(self, cloud: FakeCloud, cached: Parse) -> None:
        first = cached()
        cloud.asked.clear()
        second = cached()
        assert cloud.asked == []
        assert [second.variables(host) for host in second.hosts] == [first.variables(host) for host in first.hosts]

    def test_refresh_asks_again_and_keeps_what_it_got(self, cloud: FakeCloud, cached: Parse) -> None:
        cached()
        cloud.lists["services"].pop()
        assert len(cached().hosts) == 3
        assert len(cached(refresh=True).hosts) == 2
        assert len(cached().hosts) == 2

    @pytest.mark.parametrize(
        "other",
        [
            {"instance_ports": False},
            {"placement": False},
            {"interface": "internal"},
            {"regions": ["RegionTwo"]},
            {"clouds_yaml": {"auth": {}}},
        ],
        ids=["without ports", "without Placement", "another interface", "another region", "another user"],
    )
    def test_other_question_is_not_answered_from_it(
        self, cloud: FakeCloud, cached: Parse, tmp_path: Path, other: dict[str, t.Any]
    ) -> None:
        cloud.regions = ("RegionOne", "RegionTwo")
        cached()
        cloud.asked.clear()
        if "clouds_yaml" in other:
            auth = json.loads(Path(cloud.clouds_yaml(tmp_path)).read_text())["clouds"]["fake"]["auth"]
            other = {"clouds_yaml": {"auth": {**auth, "username": "another"}}}
        cached(**other)
        assert cloud.asked

    def test_choice_of_hosts_is_made_after_it(self, cloud: FakeCloud, cached: Parse) -> None:
        cached(hosts=["cmp01"])
        cloud.asked.clear()
        assert cached().hosts == ["cmp01", "cmp02", "cmp03"]
        assert cloud.asked == []

    def test_holds_no_secret(self, cached: Parse, tmp_path: Path) -> None:
        cached()
        (kept,) = (tmp_path / "cache").iterdir()
        assert HOSTILE in json.dumps(json.loads(kept.read_text()))
        assert PASSWORD not in kept.read_text()
        assert PASSWORD not in kept.name

    def test_does_not_keep_an_answer_without_a_region(
        self, cloud: FakeCloud, cached: Parse, warnings: list[str]
    ) -> None:
        cloud.regions = ("north", "south")
        options = {"regions": ["north", "south"], "region_errors": "warn", "region_suffix": True}
        cloud.failures = {"/compute/south/v2.1/os-services": [500] * 3}
        assert len(cached(**options).hosts) == 3
        assert len(cached(**options).hosts) == 6


class TestRegions:
    OPTIONS: t.ClassVar[dict[str, t.Any]] = {"regions": ["north", "south"], "region_suffix": True}

    @pytest.fixture(autouse=True)
    def two(self, cloud: FakeCloud) -> None:
        cloud.regions = ("north", "south")

    def test_hosts_of_all_are_there(self, parse: Parse) -> None:
        inventory = parse(**self.OPTIONS)
        assert inventory.hosts == [f"cmp0{n}.{region}" for n in (1, 2, 3) for region in ("north", "south")]
        assert inventory.variables("cmp01.south")["compute"]["region"] == "south"

    def test_same_name_in_two_is_an_error_that_tells_the_way_out(self, parse: Parse) -> None:
        with pytest.raises(AnsibleParserError) as caught:
            parse(regions=["north", "south"])
        assert str(caught.value) == (
            "The regions north and south both have a compute cmp01; set region_suffix to true to tell them apart."
        )

    def test_failing_one_fails_the_inventory(self, cloud: FakeCloud, parse: Parse) -> None:
        cloud.failures = {"/compute/south/v2.1/os-services": [500] * 3}
        with pytest.raises(AnsibleParserError) as caught:
            parse(**self.OPTIONS)
        assert str(caught.value) == (
            "Nova's /os-services of the cloud fake, region south was answered with HTTP 500; look into the service's log."
        )

    def test_failing_one_is_a_warning_where_that_is_wished(
        self, cloud: FakeCloud, parse: Parse, warnings: list[str]
    ) -> None:
        cloud.failures = {"/compute/south/v2.1/os-services": [500] * 3}
        assert parse(**self.OPTIONS, region_errors="warn").hosts == ["cmp01.north", "cmp02.north", "cmp03.north"]
        assert [line for line in warnings if "region" in line] == [
            "A region is missing in this inventory: Nova's /os-services of the cloud fake, region south was answered with "
            "HTTP 500; look into the service's log."
        ]

    def test_all_failing_is_an_error_in_any_case(self, cloud: FakeCloud, parse: Parse) -> None:
        cloud.failures = {"/v2.1/os-services": [500] * 6}
        with pytest.raises(AnsibleParserError, match="was answered with HTTP 500"):
            parse(**self.OPTIONS, region_errors="warn")


def test_requests_and_seconds_are_told(cloud: FakeCloud, parse: Parse, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(Display, "vv", lambda self, msg, *_, **__: said.append(msg))
    parse()
    (line,) = [line for line in said if line.startswith("nova_computes: ")]
    assert line.startswith(
        "nova_computes: fake RegionOne: 3 computes, 8 servers, 14 instance ports of 29 ports; 21 requests, 0 of them for further pages; seconds: log in "
    )
    assert len(cloud.asked) == 21


def test_old_nova_is_a_warning(cloud: FakeCloud, parse: Parse, warnings: list[str]) -> None:
    cloud.newest = (2, 42)
    assert len(parse().hosts) == 3
    assert [line for line in warnings if "microversions up to 2.42 only" in line]


def test_wrong_password_reaches_the_operator_as_one_sentence(cloud: FakeCloud, tmp_path: Path) -> None:
    source = tmp_path / "nova_computes.yml"
    path = cloud.clouds_yaml(tmp_path, "Tr0ub4dor&3")
    source.write_text(yaml.safe_dump({"plugin": NAME, "cloud": "fake", "clouds_yaml_path": path}))
    with pytest.raises(AnsibleParserError) as caught:
        read(source)
    assert str(caught.value) == (
        f"Keystone at {cloud.url}/v3 refuses the credentials of the cloud fake, region RegionOne (HTTP 401); "
        "correct the password or the application credential in clouds.yaml or the environment."
    )
