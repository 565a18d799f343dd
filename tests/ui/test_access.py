"""Who may come in, asked of the layer alone: behind it is an application that says yes to everything."""

import re

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute

from osetra.core.errors import InputError
from osetra.ui.access import MOST_BODY, Access, Rules, rules_for
from osetra.ui.attempts import MOST
from osetra.ui.files import MOST_BYTES

from .calling import Caller

TOKEN = "a-token-that-is-long-enough"
HERE = "http://127.0.0.1:8888"
THERE = "http://192.0.2.7:8888"


async def _yes(request):
    return PlainTextResponse(f"yes, {len(await request.body())} bytes; {request.headers.get('x-forwarded-prefix')}")


async def _page(_):
    return HTMLResponse("<p>A page<script>go()</script><script type=module>go()</script>")


async def _attachment(_):
    return HTMLResponse("<script>go()</script>", headers={"content-disposition": "attachment"})


async def _open_to_all(_scope, _receive, send):
    # As the library behind the socket does it, in capitals.
    headers = [(b"Content-Type", b"text/plain"), (b"Access-Control-Allow-Origin", b"*"), (b"Access-Control-Allow-Credentials", b"true")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"yes"})


async def _socket(socket):
    await socket.accept()
    await socket.send_text("yes")
    await socket.close()


def _client(host="127.0.0.1", token=None, base=HERE):
    any_method = ["GET", "POST", "PUT", "DELETE", "OPTIONS"]
    behind = Starlette(
        routes=[
            Route("/page", _page), Route("/report", _attachment), Mount("/open", _open_to_all), WebSocketRoute("/socket", _socket),
            Route("/{rest:path}", _yes, methods=any_method),
        ]
    )  # fmt: skip
    return Caller(Access(behind, Rules(host=host, port=8888, token=token)), base)


def _beyond():
    return _client("192.0.2.7", TOKEN, THERE)


@pytest.fixture
def inside():
    """A browser that has entered the token beyond loopback."""
    client = _beyond()
    entered = client.get("/login", params={"token": TOKEN})
    assert entered.status_code == 200
    return client


@pytest.mark.parametrize("name", ["127.0.0.1:8888", "localhost:8888", "LOCALHOST", "[::1]:8888", "127.9.9.9:1", "dashboard.localhost:8888"])
def test_every_name_of_loopback_is_known_on_loopback_without_a_token(name):
    assert _client().get("/", headers={"host": name}).status_code == 200


@pytest.mark.parametrize(
    "name",
    ["evil.example", "127.0.0.1.evil.example:8888", "localhost.evil.example", "192.0.2.7:8888", "a@127.0.0.1", "127.0.0.1:x", "", "["],
)
def test_a_page_elsewhere_cannot_have_its_own_name_made_to_lead_here(name):
    answer = _client().get("/", headers={"host": name})
    assert answer.status_code == 421
    assert "start it with --host" in answer.text


def test_the_host_that_was_asked_for_is_known_and_others_are_not():
    client = _client("box.example", TOKEN, "http://box.example:8888")
    assert client.get("/api/studies").status_code == 401
    assert client.get("/api/studies", headers={"host": "other.example"}).status_code == 421


def test_on_all_addresses_any_name_leads_here_and_the_token_decides():
    client = _client("0.0.0.0", TOKEN, "http://anything.example:8888")
    assert client.get("/api/studies").status_code == 401
    assert client.get("/api/studies", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_without_a_token_no_name_but_loopback_is_known_wherever_it_listens():
    rules = Rules(host="0.0.0.0", port=8888, token=None)
    assert rules.knows("localhost:8888")
    assert not rules.knows("evil.example")


def test_beyond_loopback_nothing_but_the_login_page_is_shown_without_the_token():
    client = _beyond()
    page = client.get("/study/mine", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login")
    assert client.get("/_nicegui/anything.js").status_code == 401
    api = client.get("/api/studies")
    assert api.status_code == 401
    assert api.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer TOKEN" in api.json()["error"]
    assert not client.opens_socket("/socket", origin=THERE)


def test_the_link_with_the_token_leaves_a_cookie_that_no_script_reads_and_no_other_site_sends():
    client = _beyond()
    entered = client.get("/login", params={"token": TOKEN})
    attributes = {part.strip().lower() for part in entered.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    assert TOKEN not in entered.headers["set-cookie"]
    # A redirect would arrive without the cookie when the link was followed from another site.
    assert entered.status_code == 200
    assert 'http-equiv="refresh"' in entered.text
    assert client.get("/study/mine").status_code == 200


def test_the_token_can_be_typed_into_the_page():
    client = _beyond()
    page = client.get("/login")
    assert page.status_code == 200
    assert '<label for="token">' in page.text
    assert client.post("/login", data={"token": f" {TOKEN} "}, headers={"origin": THERE}).status_code == 200
    assert client.get("/study/mine").status_code == 200


def test_a_form_that_hides_where_it_comes_from_still_logs_in_where_the_browser_says_it_is_ours():
    sent = {"origin": "null", "sec-fetch-site": "same-origin"}
    assert _beyond().post("/login", data={"token": TOKEN}, headers=sent).status_code == 200
    assert _beyond().post("/login", data={"token": TOKEN}, headers={"origin": "null"}).status_code == 403


@pytest.mark.parametrize("wrong", ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "ä" * 30])
def test_another_token_opens_nothing(wrong):
    client = _beyond()
    answer = client.post("/login", data={"token": wrong}, headers={"origin": THERE})
    assert answer.status_code == 403
    assert "That is not the token" in answer.text
    assert "set-cookie" not in answer.headers
    bearer = {"authorization": f"Bearer {wrong}".encode()}
    assert client.get("/api/studies", headers=bearer).status_code == 401


def test_a_cookie_of_another_server_opens_nothing():
    client = _beyond()
    for value in ("x", TOKEN, ""):
        assert client.get("/api/studies", headers={"cookie": f"osetra-8888={value}"}).status_code == 401


def test_after_many_wrong_tokens_an_address_waits_even_with_the_right_one():
    client = _beyond()
    for _ in range(MOST):
        assert client.get("/login", params={"token": "wrong"}).status_code == 403
    late = client.get("/login", params={"token": TOKEN})
    assert late.status_code == 429
    assert "Wait a minute" in late.text
    assert client.get("/api/studies", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 429


def test_wrong_tokens_do_not_shut_out_who_is_in(inside):
    for _ in range(MOST):
        inside.get("/login", params={"token": "wrong"})
    assert inside.get("/api/studies").status_code == 200


def test_a_token_over_plain_programs_is_enough_in_each_request():
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert _beyond().get("/api/studies", headers=bearer).status_code == 200
    assert _beyond().post("/api/studies/mine/commands", headers=bearer).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9999", "http://localhost:8888", "null", "file://", "https://"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_nothing_from_another_origin_comes_in(method, origin):
    assert _client().request(method, "/anything", headers={"origin": origin}).status_code == 403


def test_what_comes_from_a_page_of_ours_comes_in(inside):
    assert inside.post("/anything", headers={"origin": THERE}).status_code == 200
    assert _client().post("/anything", headers={"origin": HERE, "sec-fetch-site": "same-origin"}).status_code == 200


def test_what_changes_something_says_where_it_comes_from_if_it_holds_a_cookie(inside):
    assert inside.post("/anything").status_code == 403
    assert inside.post("/anything", headers={"sec-fetch-site": "same-origin"}).status_code == 200
    assert inside.post("/anything", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    # A program on this machine, such as curl, holds none.
    assert _client().post("/anything").status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_of_another_site_only_a_link_comes_in(site):
    client = _client()
    link = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/page", headers=link).status_code == 200
    assert client.post("/page", headers=link).status_code == 403
    assert client.get("/page", headers={**link, "sec-fetch-dest": "iframe"}).status_code == 403
    assert (
        client.get("/api/studies", headers={"sec-fetch-site": site, "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"}).status_code
        == 403
    )


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9999", "null"])
def test_no_socket_is_opened_from_another_origin(origin):
    assert not _client().opens_socket("/socket", origin=origin)


def test_no_socket_is_opened_by_a_name_that_is_not_ours():
    assert not _client().opens_socket("/socket", origin="http://evil.example", host="evil.example")


def test_a_socket_is_opened_from_a_page_of_ours(inside):
    assert _client().opens_socket("/socket", origin=HERE)
    assert inside.opens_socket("/socket", origin=THERE)
    assert not inside.opens_socket("/socket")


def test_scripts_of_a_page_run_by_a_nonce_of_that_answer_alone():
    client = _client()
    first, second = client.get("/page"), client.get("/page")
    nonces = [re.findall(r'<script nonce="([^"]+)"', answer.text) for answer in (first, second)]
    assert [len(found) for found in nonces] == [2, 2]
    assert len(set(nonces[0])) == 1
    assert set(nonces[0]) != set(nonces[1])
    policy = first.headers["content-security-policy"]
    assert f"'nonce-{nonces[0][0]}'" in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert int(first.headers["content-length"]) == len(first.content)


def test_scripts_of_a_file_to_download_get_no_nonce():
    answer = _client().get("/report")
    assert answer.text == "<script>go()</script>"
    assert "nonce" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/page", "/anything", "/report", "/login"])
def test_every_answer_keeps_browsers_from_more_than_it_needs(path):
    for client in (_client(), _beyond()):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        is_login = path == "/login" and client.request("GET", path).status_code == 200
        assert headers["referrer-policy"] == ("same-origin" if is_login else "no-referrer")
        assert "no-store" in headers["cache-control"]


def test_no_other_origin_may_read_what_a_library_would_show_to_all():
    headers = _client().get("/open/").headers
    assert headers["content-type"] == "text/plain"
    assert not [name for name in headers if name.startswith("access-control")]


def test_what_only_a_proxy_may_say_is_not_passed_on():
    assert _client().get("/anything", headers={"x-forwarded-prefix": "/evil"}).text.endswith("None")


def test_bodies_are_bounded_whether_or_not_they_say_how_long_they_are():
    client = _client()
    assert client.post("/anything", content=b"x" * MOST_BODY).text.startswith(f"yes, {MOST_BODY} bytes")
    for body in (b"x" * (MOST_BODY + 1), iter([b"x" * 600_000] * 2)):
        answer = client.post("/anything", content=body)
        assert answer.status_code == 413
        assert "at most 1 MB" in answer.text
    lies = client.post("/anything", content=b"x", headers={"content-length": "-1"})
    assert lies.status_code == 413


def test_a_file_may_be_larger_than_a_form_and_not_without_bound():
    path = "/_nicegui/client/1/upload/2"
    client = _client()
    assert client.post(path, content=b"x" * (2 * MOST_BODY)).status_code == 200
    assert client.post(path, content=b"", headers={"content-length": str(2 * MOST_BYTES)}).status_code == 413
    assert client.post(path, content=iter([b"x" * 10_000_000] * 6)).status_code == 413


def test_loopback_needs_no_token_and_any_other_host_has_one_made(monkeypatch):
    monkeypatch.delenv("OSETRA_TOKEN", raising=False)
    for host in ("127.0.0.1", "localhost", "::1"):
        assert rules_for(host, 1) == (Rules(host=host, port=1, token=None), False)
    tokens = set()
    for host in ("0.0.0.0", "192.0.2.7", "box.example", "", "::"):
        rules, is_new = rules_for(host, 1)
        assert is_new
        assert len(rules.token or "") >= 32
        tokens.add(rules.token)
    assert len(tokens) == 5


def test_a_token_of_ones_own_holds_on_loopback_too(monkeypatch):
    monkeypatch.setenv("OSETRA_TOKEN", TOKEN)
    assert rules_for("127.0.0.1", 1) == (Rules(host="127.0.0.1", port=1, token=TOKEN), False)


@pytest.mark.parametrize("short", ["x", "fifteen-letters", "with a space in it", "ungewöhnlich-genug", "tab\tin-the-middle"])
def test_a_token_that_is_none_is_refused_without_being_repeated(monkeypatch, short):
    monkeypatch.setenv("OSETRA_TOKEN", short)
    with pytest.raises(InputError, match="OSETRA_TOKEN must have at least 16 printable ASCII characters") as refused:
        rules_for("127.0.0.1", 1)
    assert short not in str(refused.value) or len(short) < 3
