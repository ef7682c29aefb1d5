"""Asks the MCP server of examples/mcp with version 2 of Python's MCP SDK.

    mcpclient2.py PROGRAM

PROGRAM is the built server. It is asked as a careless agent asks: with arguments
that are wrong, filters that would widen the guard, many calls at once, and calls
that are given up. The first sentence that is not true ends the program with status 1.
"""

import asyncio
import json
import os
import sys
import tempfile

from mcp import Client, MCPError, StdioServerParameters, stdio_client


def check(true, sentence, detail=""):
    if not true:
        sys.exit(f"mcpclient2: not so: {sentence} {detail}")


def write(folder):
    with open(os.path.join(folder, "corpus.jsonl"), "w") as f:
        for i in range(200):
            text = f"The river number {i} carries stones."
            f.write(json.dumps({"_id": f"p{i}", "text": text, "metadata": {"source": f"s{i // 10}", "position": i, "tenant": "ab"[i % 2]}}) + "\n")
    path = os.path.join(folder, "search.yaml")
    with open(path, "w") as f:
        f.write("chain:\n- bm25-memory: corpus.jsonl\n- topk: 60\n")
    return path


async def call(client, tool, arguments):
    result = await client.call_tool(tool, arguments)
    return result.is_error, result.content[0].text


async def found(client, **arguments):
    failed, text = await call(client, "search", arguments)
    check(not failed, f"{arguments} succeeds", text)
    return json.loads(text)


async def refused(client, tool, words, arguments):
    failed, text = await call(client, tool, arguments)
    check(failed and words in text, f"{str(arguments)[:80]} is refused with {words!r}", text)


def eq(tenant):
    return {"eq": {"path": "tenant", "value": tenant}}


async def main(program):
    with tempfile.TemporaryDirectory() as folder:
        guard = json.dumps(eq("a"))
        server = StdioServerParameters(command=program, args=["-config", write(folder), "-only", guard])
        async with Client(stdio_client(server)) as client:
            check([t.name for t in (await client.list_tools()).tools] == ["read", "search"], "there are two tools")
            for filter in [None, {}, eq("b"), {"or": [eq("a"), eq("b")]}, {"not": eq("a")}, {"exists": {"path": "tenant"}}]:
                answer = await found(client, query="river", k=50, **({} if filter is None else {"filter": filter}))
                check(all(r["metadata"]["tenant"] == "a" for r in answer["results"]), f"{filter} widens nothing")
            for words, arguments in [
                ("query is empty", {"query": " "}),
                ("missing properties", {}),
                ('want "string"', {"query": 5}),
                ("between 1 and 50", {"query": "river", "k": -1}),
                ("between 1 and 50", {"query": "river", "k": 1e12}),
                ('want "integer"', {"query": "river", "k": 2.5}),
                ("unknown operator", {"query": "river", "filter": {"tenant": "b"}}),
                ('want "object"', {"query": "river", "filter": "tenant"}),
                ("additional properties", {"query": "river", "only": None}),
                ("at most 16384", {"query": "river " * 100_000}),
            ]:
                await refused(client, "search", words, arguments)
            await refused(client, "read", "there is no document", {"id": "p1"})
            await refused(client, "read", "between 0 and 20", {"id": "p2", "before": 21})
            for address in ["cascade://document/p1", "cascade://document/%zz", "file:///etc/passwd"]:
                try:
                    check(False, f"{address} is not there", await client.read_resource(address))
                except MCPError:
                    pass
            answers = await asyncio.gather(*[found(client, query=f"river {i}", k=3) for i in range(300)])
            numbers = {(r["id"], r["citation"]) for answer in answers for r in answer["results"]}
            check(len(numbers) == len({id for id, _ in numbers}), "a document has one number in all answers")
            given_up = asyncio.create_task(found(client, query="river"))
            await asyncio.sleep(0)
            given_up.cancel()
            check((await found(client, query="river", k=1))["results"], "the session goes on after a call that was given up")
    print("mcpclient2: every sentence is true")


asyncio.run(main(sys.argv[1]))
