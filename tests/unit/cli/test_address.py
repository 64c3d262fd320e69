"""Where the service is: options before the environment before the DC/OS CLI; no token goes astray."""

from pathlib import Path

import pytest

from cli.address import Address, Options, find
from cli.failure import WRONG, Failure

DIRECT = "http://10.0.0.1:9000"


def cluster(home: Path, ident: str, content: str, attached: bool = False) -> Path:
    """A cluster that the DC/OS CLI knows."""
    folder = home / ".dcos" / "clusters" / ident
    folder.mkdir(parents=True)
    (folder / "dcos.toml").write_text(content)
    if attached:
        (folder / "attached").touch()
    return folder


CORE = '[core]\ndcos_url = "https://dcos.example.com/"\ndcos_acs_token = "theirs"\n'


def test_an_option_goes_before_the_environment() -> None:
    environment = {"DCOS_CASSANDRA_URL": "http://elsewhere:9000", "DCOS_URL": "https://dcos.example.com"}
    assert find(Options(url=DIRECT + "/"), environment) == Address(DIRECT)
    assert find(Options(), environment).url == "http://elsewhere:9000"


def test_a_token_of_the_dcos_cli_goes_to_its_own_cluster_alone() -> None:
    environment = {"DCOS_URL": "https://dcos.example.com", "DCOS_ACS_TOKEN": "theirs"}
    assert find(Options(), environment) == Address("https://dcos.example.com/service/cassandra", "theirs")
    assert find(Options(url=DIRECT), environment).token is None


def test_the_dcos_cli_that_runs_the_program_says_how_to_check_certificates() -> None:
    environment = {"DCOS_URL": "https://dcos.example.com", "DCOS_TLS_CA_PATH": "/ca.pem"}
    assert find(Options(), environment).verify == Path("/ca.pem")
    assert find(Options(), {**environment, "DCOS_TLS_CA_PATH": "", "DCOS_TLS_INSECURE": "1"}).verify is False
    assert find(Options(insecure=True), environment).verify is False
    assert find(Options(ca_file=Path("/own.pem")), environment).verify == Path("/own.pem")


def test_the_attached_cluster_is_taken_of_several(tmp_path: Path) -> None:
    cluster(tmp_path, "a", '[core]\ndcos_url = "https://a"\n')
    cluster(tmp_path, "b", CORE + 'ssl_verify = "false"\n', attached=True)
    found = find(Options(), {"HOME": str(tmp_path)})
    assert found == Address("https://dcos.example.com/service/cassandra", "theirs", False)


def test_of_several_clusters_none_of_which_is_attached_none_is_taken(tmp_path: Path) -> None:
    cluster(tmp_path, "a", CORE)
    assert find(Options(), {"HOME": str(tmp_path)}).url.startswith("https://dcos.example.com")
    cluster(tmp_path, "b", CORE)
    with pytest.raises(Failure, match="dcos cluster attach") as raised:
        find(Options(), {"HOME": str(tmp_path)})
    assert raised.value.code == WRONG


def test_a_cluster_can_be_named_in_the_environment(tmp_path: Path) -> None:
    cluster(tmp_path, "a", '[core]\ndcos_url = "https://a"\n[cluster]\nname = "prod"\n')
    cluster(tmp_path, "b", CORE, attached=True)
    environment = {"HOME": str(tmp_path), "DCOS_CLUSTER": "prod"}
    assert find(Options(), environment).url == "https://a/service/cassandra"
    with pytest.raises(Failure, match="no cluster of that name"):
        find(Options(), {**environment, "DCOS_CLUSTER": "c"})


def test_the_file_of_a_dcos_cli_of_old_is_read(tmp_path: Path) -> None:
    (tmp_path / ".dcos").mkdir()
    ca = tmp_path / "ca.crt"
    text = CORE + f'ssl_verify = "{ca}"\n[cassandra]\nservice_name = "/team/cassandra"\n'
    (tmp_path / ".dcos" / "dcos.toml").write_text(text)
    found = find(Options(), {"HOME": str(tmp_path)})
    assert found == Address("https://dcos.example.com/service/team/cassandra", "theirs", ca)


def test_the_name_of_the_service_can_be_given(tmp_path: Path) -> None:
    environment = {"DCOS_URL": "https://d", "DCOS_CASSANDRA_SERVICE_NAME": "from-env"}
    assert find(Options(), environment).url == "https://d/service/from-env"
    assert find(Options(name="mine"), environment).url == "https://d/service/mine"


def test_a_damaged_file_of_the_dcos_cli_is_named(tmp_path: Path) -> None:
    cluster(tmp_path, "a", "[core")
    with pytest.raises(Failure, match=r"dcos\.toml is not valid TOML"):
        find(Options(), {"HOME": str(tmp_path)})


def test_a_token_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret\n")
    environment = {"DCOS_CASSANDRA_TOKEN": "other"}
    assert find(Options(url=DIRECT), environment).token == "other"
    assert find(Options(url=DIRECT, token_file=file), environment).token == "secret"
    file.write_text("")
    with pytest.raises(Failure, match="there is no token"):
        find(Options(url=DIRECT, token_file=file), {})
    with pytest.raises(Failure, match="cannot be read"):
        find(Options(url=DIRECT, token_file=tmp_path / "none"), {})


@pytest.mark.parametrize("token", ["two\nlines", "ünprintable", "a b"])
def test_a_token_that_fits_no_header_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(Failure, match="letters") as raised:
        find(Options(url=DIRECT), {"DCOS_CASSANDRA_TOKEN": token})
    assert token not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    ["10.0.0.1:9000", "ftp://x", "http://", "http://h:99999", "http://h/?a=b", "http://[", "http://u:p@h"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Failure) as raised:
        find(Options(url=url), {})
    assert raised.value.code == WRONG
