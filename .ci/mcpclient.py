"""Asks the MCP server of examples/mcp with Python's MCP SDK, as agents do.

    mcpclient.py PROGRAM

PROGRAM is the built server. Every sentence below is checked over standard input
and output and over streamable HTTP; the first one that is not true ends the
program with status 1.
"""

import asyncio
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

import httpx
from mcp import ClientSession, McpError, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client
from pydantic import AnyUrl

DOCUMENTS = [
    ("p0", "Cold water from the river.", "rivers", 1, "a"),
    ("p1", "The river carries stones.", "rivers", 2, "b"),
    ("p2", "Bread needs an oven.", "baking", 1, "a"),
    ("p3", "An oven needs wood.", "baking", 2, "b"),
]


def check(true, sentence, detail=""):
    if not true:
        sys.exit(f"mcpclient: not so: {sentence} {detail}")


def write(folder, rerank=""):
    """Writes documents and a configuration, and returns the configuration's path."""
    with open(os.path.join(folder, "corpus.jsonl"), "w") as f:
        for id, text, source, position, tenant in DOCUMENTS:
            f.write(json.dumps({"_id": id, "text": text, "metadata": {"source": source, "position": position, "tenant": tenant}}) + "\n")
    path = os.path.join(folder, f"search{len(rerank)}.yaml")
    with open(path, "w") as f:
        f.write(f"chain:\n  - bm25: {{documents: corpus.jsonl}}\n{rerank}  - topk: 10\n")
    return path


def behind(port):
    return f"  - rerank: {{model: {{nebius: {{model: m, url: 'http://127.0.0.1:{port}'}}}}}}\n"


@contextlib.asynccontextmanager
async def stdio(program, *args):
    async with stdio_client(StdioServerParameters(command=program, args=list(args)), errlog=open(os.devnull, "w")) as (read, write):
        async with ClientSession(read, write) as session:
            await session.initialize()
            yield session


@contextlib.asynccontextmanager
async def http(program, *args, key="example-key"):
    process = subprocess.Popen([program, *args, "-listen", "127.0.0.1:0", "-key-env", "MCP_TEST_KEY"],
                               env={**os.environ, "MCP_TEST_KEY": "example-key"}, stderr=subprocess.PIPE, text=True)
    try:
        address = None
        for line in process.stderr:
            if found := re.search(r"serving (http://\S+)", line):
                address = found.group(1)
                break
        check(address, "the server says where it serves")
        async with streamablehttp_client(address, headers={"Authorization": f"Bearer {key}"}) as (read, write, _):
            async with ClientSession(read, write) as session:
                await session.initialize()
                session.address = address
                yield session
    finally:
        process.terminate()
        check(process.wait(10) == 0, "the server ends in order")


async def search(session, **arguments):
    result = await session.call_tool("search", arguments)
    check(not result.isError, "the search succeeds", result.content)
    check(json.loads(result.content[0].text) == result.structuredContent, "text and structure say the same")
    return result.structuredContent


async def refused(session, tool, words, **arguments):
    result = await session.call_tool(tool, arguments)
    check(result.isError and words in result.content[0].text, f"{arguments} is refused with {words!r}", result.content)


async def whole(session):
    """What a session without a guard can do."""
    tools = (await session.list_tools()).tools
    check([t.name for t in tools] == ["read", "search"], "there are two tools", tools)
    check(all(t.annotations.readOnlyHint and t.outputSchema for t in tools), "tools only read, and say what they return")

    found = await search(session, query="river water")
    check([r["id"] for r in found["results"]] == ["p0", "p1"], "the best comes first", found)
    check([r["citation"] for r in found["results"]] == [1, 2], "results have numbers", found)
    check(found["scale"] == "BM25" and not found["degraded"], "scores have a scale", found)
    check(found["results"][0]["score"] > found["results"][1]["score"] > 0, "scores fall", found)
    again = await search(session, query="oven", k=1)
    check(again["results"][0]["citation"] == 3, "another document has another number", again)
    english = await search(session, query="river", filter={"eq": {"path": "tenant", "value": "b"}})
    check([r["id"] for r in english["results"]] == ["p1"] and english["results"][0]["citation"] == 2, "filters hold, numbers stay", english)

    around = (await session.call_tool("read", {"id": "p0", "after": 3})).structuredContent
    check([p["id"] for p in around["passages"]] == ["p0", "p1"], "reading shows what stands around", around)
    templates = (await session.list_resource_templates()).resourceTemplates
    check(templates[0].uriTemplate == "cascade://document/{id}", "documents are resources", templates)
    text = (await session.read_resource(AnyUrl("cascade://document/p2"))).contents[0].text
    check(text == "Bread needs an oven.", "a resource is the text", text)
    try:
        await session.read_resource(AnyUrl("cascade://document/none"))
        check(False, "an unknown resource is an error")
    except McpError:
        pass

    await refused(session, "search", "query is empty", query=" ")
    await refused(session, "search", "between 1 and 50", query="x", k=51)
    await refused(session, "search", "filter: ", query="x", filter={"like": 1})
    await refused(session, "search", "additional", query="x", limit=1)
    await refused(session, "read", "there is no document", id="none")
    await refused(session, "read", "between 0 and 20", id="p0", before=99)


async def guarded(session):
    """What a session under -only tenant a can see."""
    for filter in (None, {"eq": {"path": "tenant", "value": "b"}}, {"not": {"eq": {"path": "tenant", "value": "a"}}}, {"exists": {"path": "tenant"}}):
        found = await search(session, query="river oven", **({"filter": filter} if filter else {}))
        check(all(r["metadata"]["tenant"] == "a" for r in found["results"]), "no filter widens the guard", found)
    await refused(session, "read", "there is no document", id="p1")
    around = (await session.call_tool("read", {"id": "p0", "after": 5})).structuredContent
    check([p["id"] for p in around["passages"]] == ["p0"], "neighbours are guarded", around)


async def degraded(session):
    """What a session sees while the rerank server is down."""
    found = await search(session, query="river water")
    check(found["degraded"] and len(found["results"]) == 2, "an outage degrades and loses nothing", found)
    gap = found["gaps"][0]
    check(gap["stage"] == "rerank" and gap["reason"] == "transport" and gap["documents"] == 2, "the gap says what and why", found)


async def cancelled(session, hung):
    """A search whose server hangs, and which the agent cancels."""
    began = time.monotonic()
    id = session._request_id
    call = asyncio.ensure_future(session.call_tool("search", {"query": "river water"}))
    await asyncio.wait_for(hung.asked.wait(), 5)
    await session.send_notification(types.ClientNotification(types.CancelledNotification(
        method="notifications/cancelled", params=types.CancelledNotificationParams(requestId=id))))
    await asyncio.wait_for(hung.left.wait(), 5)
    check(time.monotonic() - began < 5, "a cancelled search ends its call of the reranker")
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)


class Hung:
    """A server that takes connections and never answers."""

    async def __aenter__(self):
        self.asked, self.left = asyncio.Event(), asyncio.Event()
        self.server = await asyncio.start_server(self.take, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def take(self, reader, writer):
        if await reader.read(1):
            self.asked.set()
        with contextlib.suppress(ConnectionError):
            while await reader.read(4096):
                pass
        self.left.set()
        writer.close()

    async def __aexit__(self, *_):
        self.server.close()


def closed_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


async def main(program):
    with tempfile.TemporaryDirectory() as folder:
        config = write(folder)
        for way in (stdio, http):
            async with way(program, "-config", config) as session:
                await whole(session)
            async with way(program, "-config", config, "-only", '{"eq": {"path": "tenant", "value": "a"}}') as session:
                await guarded(session)
            async with way(program, "-config", write(folder, behind(closed_port()))) as session:
                await degraded(session)
            async with Hung() as hung, way(program, "-config", write(folder, behind(hung.port)), "-timeout", "30s") as session:
                await cancelled(session, hung)
            print(f"mcpclient: {way.__name__}: everything is so")
        async with http(program, "-config", config) as session:
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                answer = httpx.post(session.address, json={}, headers=headers)
                check(answer.status_code == 401, "a wrong key is refused", answer)


asyncio.run(main(sys.argv[1]))
