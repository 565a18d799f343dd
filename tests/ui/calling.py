"""Asking an ASGI application directly, without a server: requests with httpx, and whether a socket opens."""

import asyncio

import httpx


class Caller:
    """As `httpx.Client`, redirects not followed; cookies are kept."""

    def __init__(self, app, base):
        self.app = app
        self._base = base
        self.cookies = httpx.Cookies()

    def request(self, method, path, **options):
        async def ask():
            transport = httpx.ASGITransport(app=self.app, client=("198.51.100.9", 1234))
            async with httpx.AsyncClient(transport=transport, base_url=self._base, cookies=self.cookies) as client:
                body = options.get("content")
                if body is not None and not isinstance(body, bytes):
                    options["content"] = _stream(body)
                answer = await client.request(method, path, **options)
                self.cookies = client.cookies
                return answer

        return asyncio.run(ask())

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, **options):
        return self.request("POST", path, **options)

    def opens_socket(self, path, **headers):
        """Whether a websocket to this path is accepted; the cookies go along."""
        sent = {"host": httpx.URL(self._base).netloc.decode(), **headers}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        scope = {
            "type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "ws",
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()], "subprotocols": [], "client": ("198.51.100.9", 1),
        }  # fmt: skip
        told = []

        async def receive():
            return {"type": "websocket.connect"} if not told else {"type": "websocket.disconnect", "code": 1000}

        async def send(message):
            told.append(message["type"])

        asyncio.run(self.app(scope, receive, send))
        return told[0] == "websocket.accept"


async def _stream(parts):
    for part in parts:
        yield part
