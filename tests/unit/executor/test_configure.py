"""Cassandra's configuration files."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from executor import configure
from executor.configure import Credentials, cassandra_yaml, management_address
from executor.failure import TaskFailed
from executor.layout import Layout
from tests.unit.executor.examples import a_task


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    layout.make()
    return layout


def written(layout: Layout, **changes: Any) -> dict[str, Any]:
    """What Cassandra would read, with a YAML reader, after all files were written."""
    configure.write_all(layout, a_task(**changes), "10.0.0.3", Credentials())
    content: dict[str, Any] = yaml.safe_load((layout.etc / "cassandra.yaml").read_text())
    return content


def seeds(content: dict[str, Any]) -> str:
    return str(content["seed_provider"][0]["parameters"][0]["seeds"])


def test_it_has_what_cassandra_does_not_start_without(layout: Layout) -> None:
    content = written(layout)
    base = str(layout.volume / "cassandra")
    assert content == {
        "cluster_name": "prod",
        "num_tokens": 16,
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "commitlog_sync": "periodic",
        "commitlog_sync_period": "10000ms",
        "endpoint_snitch": "GossipingPropertyFileSnitch",
        "listen_address": "10.0.0.3",
        "rpc_address": "10.0.0.3",
        "storage_port": 7000,
        "ssl_storage_port": 7001,
        "native_transport_port": 9042,
        "seed_provider": [
            {
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": "10.0.0.1,10.0.0.2"}],
            }
        ],
        "data_file_directories": [f"{base}/data"],
        "commitlog_directory": f"{base}/commitlog",
        "saved_caches_directory": f"{base}/saved_caches",
        "hints_directory": f"{base}/hints",
        "cdc_raw_directory": f"{base}/cdc_raw",
    }


def test_the_operators_keys_are_taken_over_as_they_are(layout: Layout) -> None:
    keys = {"concurrent_reads": 64, "auto_snapshot": False, "memtable": {"configurations": {"a": ["b"]}}}
    content = written(layout, yaml=keys)
    assert {key: content[key] for key in keys} == keys


def test_what_the_executor_decides_wins_over_the_operators_keys(layout: Layout) -> None:
    content = written(layout, yaml={"listen_address": "1.2.3.4", "data_file_directories": ["/tmp"]})
    assert content["listen_address"] == "10.0.0.3"
    assert content["data_file_directories"] == [str(layout.cassandra / "data")]


@pytest.mark.parametrize("sync", ["batch", "group"])
def test_a_period_goes_with_periodic_syncs_alone(layout: Layout, sync: str) -> None:
    content = cassandra_yaml(layout, a_task(yaml={"commitlog_sync": sync}), "10.0.0.3", ["10.0.0.1"])
    assert content["commitlog_sync"] == sync
    assert "commitlog_sync_period" not in content


def test_an_operators_period_is_kept(layout: Layout) -> None:
    content = cassandra_yaml(layout, a_task(yaml={"commitlog_sync_period": "5s"}), "10.0.0.3", ["10.0.0.1"])
    assert (content["commitlog_sync"], content["commitlog_sync_period"]) == ("periodic", "5s")


def test_a_founder_has_its_own_address_alone_as_seed(layout: Layout) -> None:
    assert seeds(written(layout, founder=True)) == "10.0.0.3"


def test_without_seeds_nobody_but_the_founder_is_started(layout: Layout) -> None:
    with pytest.raises(TaskFailed, match="node-1 was launched without seeds"):
        written(layout, seeds=())


def test_new_seeds_replace_the_old_ones_and_leave_the_rest(layout: Layout) -> None:
    before = written(layout)
    configure.write_cassandra_yaml(layout, a_task(), "10.0.0.3", ["10.0.0.9"])
    after = yaml.safe_load((layout.etc / "cassandra.yaml").read_text())
    assert seeds(after) == "10.0.0.9"
    assert {**after, "seed_provider": before["seed_provider"]} == before


def test_data_center_and_rack_are_escaped_as_java_reads_them(layout: Layout) -> None:
    written(layout, data_center="Zürich \\ 1", rack="r\n2")
    text = (layout.etc / "cassandra-rackdc.properties").read_text()
    assert text == "dc=Z\\u00fcrich \\\\ 1\nrack=r\\n2\n"


def test_passwords_stand_in_files_for_the_owner_alone(layout: Layout) -> None:
    credentials = Credentials()
    configure.write_all(layout, a_task(), "10.0.0.3", credentials)
    holding = {path.name for path in layout.etc.iterdir() if credentials.password in path.read_text()}
    assert holding == {"jolokia.properties", "jmxremote.password"}
    for name in (*holding, "jmxremote.access"):
        assert stat.S_IMODE((layout.etc / name).stat().st_mode) == 0o600


def test_a_password_is_made_at_each_start_and_not_shown() -> None:
    one, other = Credentials(), Credentials()
    assert one.password != other.password
    assert len(one.password) >= 32
    assert one.password not in repr(one)


def test_management_is_at_loopback_or_on_a_loopback_agent_at_its_address() -> None:
    assert management_address("10.0.0.3") == "127.0.0.1"
    assert management_address("127.0.0.3") == "127.0.0.3"


def test_jolokia_is_bound_where_management_is(layout: Layout) -> None:
    written(layout)
    assert "host=127.0.0.1\nport=8778\n" in (layout.etc / "jolokia.properties").read_text()


def test_no_question_waits_for_the_one_before(layout: Layout) -> None:
    written(layout)
    assert "executor=cached\n" in (layout.etc / "jolokia.properties").read_text()


def test_a_file_is_replaced_whole_whatever_a_crash_has_left(layout: Layout) -> None:
    (layout.etc / "cassandra.yaml.new").write_text("half")
    (layout.etc / "cassandra.yaml").write_text("old")
    written(layout)
    assert not list(layout.etc.glob("*.new"))


def test_the_yaml_is_json_but_for_a_comment(layout: Layout) -> None:
    written(layout)
    comment, _, body = (layout.etc / "cassandra.yaml").read_text().partition("\n")
    assert comment.startswith("#")
    assert json.loads(body)["cluster_name"] == "prod"
