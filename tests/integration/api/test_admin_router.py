"""Behind nginx, configured as DC/OS' Admin Router configures it for the services it shows."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import pytest
from gevent import sleep, socket, subprocess

from api.app import create_app
from api.auth.tokens import read_tokens
from api.server import Server
from tests.integration.deployment.harness import free_port
from tests.unit.api.service import MemoryService, deployed

pytestmark = pytest.mark.needs("nginx", "curl")

TOKEN = "0123456789abcdef"
PREFIX = "/service/cassandra"
START_SECONDS = 60.0

# Of the router's locations below /service: a redirect of its own to the folder, the prefix stripped, headers
# passed on, and redirects of the service's put below the prefix.
CONFIGURATION = """
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location ~ ^/service/(?<serviceid>[0-9a-zA-Z-.]+)$ {{
            rewrite ^/service/(.*)$ /service/$1/ permanent;
        }}
        location ~ ^/service/(?<serviceid>[0-9a-zA-Z-.]+)/(?<url>.*) {{
            proxy_set_header Host $http_host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_redirect http://$host/service/$serviceid/ /service/$serviceid/;
            proxy_redirect http://$host/ /service/$serviceid/;
            proxy_redirect / /service/$serviceid/;
            rewrite ^/service/[0-9a-zA-Z-.]+/?(.*)$ /$1 break;
            proxy_pass http://127.0.0.1:{upstream};
        }}
    }}
}}
"""


@dataclass
class Answer:
    """What curl was answered."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.body)
        return found


@dataclass
class Routed:
    """A service, directly and through the router."""

    direct: str
    router: str
    service: MemoryService = field(default_factory=deployed)

    def ask(self, url: str, *options: str) -> Answer:
        command = ["curl", "-s", "-i", "--max-time", "30", *options, url]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        head, _, body = done.stdout.decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return Answer(int(first.split()[1]), headers, body)


Start = Callable[..., Routed]


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def route(tmp_path: Path) -> Iterator[Start]:
    """Starts a service, with tokens where they are given, and a router before it."""
    ends: list[Callable[[], object]] = []

    def start(tokens: str = "") -> Routed:
        service = deployed()
        identify = read_tokens(tokens) if tokens else None
        server = Server(create_app(service, lambda: service.cluster.now, identify), "127.0.0.1", 0)
        server.start()
        ends.append(server.stop)
        port = free_port()
        user = "user root;" if os.geteuid() == 0 else ""
        text = CONFIGURATION.format(user=user, folder=tmp_path, port=port, upstream=server.port)
        (tmp_path / "nginx.conf").write_text(text)
        command = ["nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", "stderr"]
        nginx = subprocess.Popen(
            [*command, "-g", "daemon off; master_process off;"], stderr=subprocess.DEVNULL
        )
        ends.append(lambda: (nginx.terminate(), nginx.wait()))
        waited = 0.0
        while not is_open(port):
            assert nginx.poll() is None, (tmp_path / "error.log").read_text()
            assert (waited := waited + 0.1) < START_SECONDS, "nginx does not listen"
            sleep(0.1)
        return Routed(f"http://127.0.0.1:{server.port}", f"http://127.0.0.1:{port}{PREFIX}", service)

    yield start
    for end in reversed(ends):
        end()


def test_the_api_answers_the_same_under_the_prefix_and_directly(route: Start) -> None:
    routed = route()
    for path in ("/v1/plan", "/v1/nodes/list", "/v1/connection", "/v1/health", "/v1/nothing"):
        through, direct = routed.ask(routed.router + path), routed.ask(routed.direct + path)
        assert (through.status, through.body) == (direct.status, direct.body)
    assert "cassandra_mesos_leader 1.0" in routed.ask(f"{routed.router}/metrics").body


def test_orders_go_through_with_where_they_come_from(route: Start) -> None:
    routed = route()
    assert routed.ask(f"{routed.router}/v1/plan?cmd=interrupt", "-X", "POST").status == 200
    body = ["-X", "PUT", "-H", "Content-Type: application/json", "-d", '{"nodes":["*"]}']
    assert routed.ask(f"{routed.router}/v1/cleanup/start", *body).status == 202
    assert [order.origin for order in routed.service.orders] == ["127.0.0.1 > 127.0.0.1"] * 2


def test_the_token_is_passed_on(route: Start) -> None:
    routed = route(f"alice read-write {TOKEN}")
    assert routed.ask(f"{routed.router}/v1/plan").status == 401
    for form in (f"token={TOKEN}", f"Bearer {TOKEN}"):
        assert routed.ask(f"{routed.router}/v1/plan", "-H", f"Authorization: {form}").status == 200


def test_the_page_and_all_that_it_links_to_work_under_the_prefix_and_directly(route: Start) -> None:
    routed = route()
    for root in (f"{routed.router}/", f"{routed.direct}/"):
        page = routed.ask(root)
        assert (page.status, page.headers["content-type"].split(";")[0]) == (200, "text/html")
        links = set(re.findall(r'(?:href|src)="([^"#]+)"', page.body))
        assert {link.partition("?")[0] for link in links} >= {"assets/page.css", "assets/page.js"}
        for link in links:
            assert not link.startswith(("/", "http")), link
            assert routed.ask(urljoin(root, link)).status == 200, link


def test_the_routers_own_redirect_leads_to_the_page(route: Start) -> None:
    routed = route()
    answer = routed.ask(routed.router)
    assert answer.status == 301
    assert routed.ask(urljoin(routed.router, answer.headers["location"])).headers["content-type"] == (
        "text/html; charset=utf-8"
    )


def test_a_form_of_the_page_works_through_the_router_and_leads_back_to_it(route: Start) -> None:
    routed = route()
    page = routed.ask(f"{routed.router}/").body
    form = re.search(r'<form[^>]*action="([^"]*order)"', page)
    assert form is not None
    target = urljoin(f"{routed.router}/", form[1])
    origin = routed.router.removesuffix(PREFIX)
    fields = ["-d", "order=interrupt", "-d", "plan=deploy"]
    answer = routed.ask(target, "-H", f"Origin: {origin}", *fields)
    assert answer.status == 303, answer.body
    assert urljoin(target, answer.headers["location"]).startswith(f"{routed.router}/")
    assert routed.ask(target, "-H", "Origin: http://elsewhere", *fields).status == 403
    assert len(routed.service.orders) == 1


def test_a_description_for_programs_names_the_calls_relative_to_itself(route: Start) -> None:
    routed = route()
    place = f"{routed.router}/v1/openapi.json"
    described = routed.ask(place).json
    (server,) = described["servers"]  # type: ignore[misc]
    assert urljoin(place, server["url"]).rstrip("/") == routed.router
