"""An assistant, as the `mcp` package has it: client.py SCENARIO BINARY PROJECT SOURCE MODE [MORE]. Prints what it saw as JSON."""
import asyncio
import json
import os
import signal
import sys

import mcp_types as types
from mcp import Client, StdioServerParameters

SCENARIO, BINARY, PROJECT, SOURCE, MODE = sys.argv[1:6]
MORE = sys.argv[6:]
SEEN = []
ASKED = []


def tell(**what):
    print(json.dumps(what), flush=True)


def client(**more):
    server = StdioServerParameters(command=BINARY, args=["mcp", "--project", PROJECT], env=dict(os.environ))
    return Client(server, mode=MODE, **more)


async def progressed(done, total, message):
    SEEN.append((done, message))


async def call(c, tool, error=False, **arguments):
    result = await c.call_tool(tool, arguments, progress_callback=progressed)
    assert bool(result.is_error) == error, (tool, arguments, result)
    assert result.structured_content is not None, (tool, result)
    return result.structured_content


def servers():
    """The processes that this one started."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            found.append(int(name))
    return found


async def begun(c):
    plan = await call(c, "upgrade_plan", source=SOURCE)
    assert plan["next"]["tool"] == "upgrade_start", plan
    wrong = await call(c, "upgrade_start", error=True, source=SOURCE, plan_id="0000")
    assert wrong["next_tool"] == "upgrade_plan" and wrong["retryable"] is False and wrong["fix"], wrong
    status = await call(c, "upgrade_start", **plan["next"]["arguments"])
    assert status["stands"] == "awaiting_answers" and status["open_conflicts"] == plan["asks"], status
    return plan, status


async def whole():
    """Three conflicts, one of them put off, the trial, and the client and the server killed in phase 3."""
    async with client() as c:
        tools = {t.name: t for t in (await c.list_tools()).tools}
        assert len(tools) == 13 and all(t.output_schema for t in tools.values()), list(tools)
        assert tools["upgrade_plan"].annotations.read_only_hint and not tools["upgrade_apply"].annotations.read_only_hint
        assert [p.name for p in (await c.list_prompts()).prompts] == ["upgrade"]
        prompt = await c.get_prompt("upgrade", {"source": SOURCE})
        assert SOURCE in prompt.messages[0].content.text
        pages = (await c.list_resources()).resources
        page = await c.read_resource(pages[0].uri)
        assert page.contents[0].text.startswith("#"), page
        idle = await call(c, "upgrade_status")
        assert idle["stands"] == "idle" and idle["next"]["tool"] == "upgrade_plan", idle
        plan, status = await begun(c)
        early = await call(c, "upgrade_apply", error=True, plan_id=plan["plan_id"])
        assert early["next_tool"] == "conflict_list" and early["exit_code"] == 3, early
        listed = await call(c, "conflict_list")
        assert listed["open"] == 3 and len(listed["conflicts"]) == 3, listed
        for number, conflict in enumerate(listed["conflicts"]):
            path, ids = conflict["path"], conflict["ids"]
            shown = await call(c, "conflict_show", path=path)
            assert shown["sides"]["mine"]["text"] and shown["conflict"]["ids"] == ids, shown
            diff = await c.read_resource(shown["diff"])
            assert "+++ yours" in diff.contents[0].text or "+++ the source" in diff.contents[0].text
            marked = {"text": "a\n<<<<<<< mine\n"}
            bad = await call(c, "conflict_answer", error=True, path=path, ids=ids, answer=marked)
            assert "conflict marker in line 2" in bad["what"] and bad["next_tool"] == "conflict_show", bad
            other = dict(ids, mine=ids["theirs"])
            bad = await call(c, "conflict_answer", error=True, path=path, ids=other, answer="keep")
            assert "other bytes" in bad["what"], bad
            regions = [{"text": f"settled by an assistant, {number}\n"}] * conflict["region_count"]
            answer = "park" if number == 2 else {"regions": regions} if regions else "keep"
            saved = await call(c, "conflict_answer", path=path, ids=ids, answer=answer)
            assert saved["saved"] and saved["open"] == 2 - number, saved
        assert saved["next"]["tool"] == "upgrade_apply", saved
        wrong = await call(c, "upgrade_apply", error=True, plan_id="feed")
        assert wrong["next_tool"] == "upgrade_status", wrong
        ready = await call(c, "upgrade_status")
        assert ready["stands"] == "ready_to_apply" and not ready["applied"], ready
        session = ready["session_id"]
        tell(session=session, plan=plan["plan_id"])
        status = await call(c, "upgrade_apply", wait_seconds=0, **ready["next"]["arguments"])
        while status["phase"] != 3:
            assert status["stands"] == "running", status
            status = await call(c, "upgrade_status", session_id=session)
        tell(killed_in_phase=status["phase"], applied=status["applied"], progress=len(SEEN))
        for pid in servers():
            os.kill(pid, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


async def finish():
    """A new connection finds the session by its id, finishes it, and takes it back."""
    session = MORE[0]
    async with client() as c:
        status = await call(c, "upgrade_status", session_id=session)
        assert status["stands"] == "interrupted" and status["next"]["tool"] == "upgrade_resume", status
        assert status["phase"] == 3 and status["applied"], status
        phase = await call(c, "upgrade_phase", session_id=session)
        assert phase["phase"] == 3 and not phase["done"] and phase["tasks"] and phase["page"], phase
        cannot = await call(c, "conflict_list", error=True, session_id=session)
        assert cannot["next_tool"] == "upgrade_resume", cannot
        done = await call(c, "upgrade_resume", **status["next"]["arguments"])
        assert done["stands"] == "completed" and done["exit_code"] == 0 and done["report"], done
        numbers = [n for n, _ in SEEN]
        assert numbers == sorted(set(numbers)) and numbers, numbers
        report = await call(c, "upgrade_report", session_id=session)
        assert any("The way back" in line for line in report["lines"]), report
        tell(report=report["lines"], next=done["next"]["tool"])
        gate = await call(c, "upgrade_phase", session_id=session, phase=2)
        assert gate["done"] and gate["evidence"]["actual_upgrade"]["conflicts_resolved"] == 2, gate
        if "stay" in MORE:
            return
        back = await call(c, "upgrade_rollback", session_id=session)
        assert back["stands"] == "rolled_back", back
        told = [line.strip() for line in back["report"]]
        assert "pos_workflow fails, it is aos_workflow now" in told, told
        again = await call(c, "upgrade_rollback", error=True, session_id=session)
        assert again["next_tool"] == "upgrade_status", again
        tell(back=True)


async def elicit():
    """How the person is asked: MORE[0] says what the client does."""
    how = MORE[0]

    async def asked(context, params):
        ASKED.append(params.message)
        if how == "decline":
            return types.ElicitResult(action="decline")
        if how == "hang":
            await asyncio.sleep(60)
        if how == "nonsense":
            return types.ElicitResult(action="accept", content={"answer": "burn it"})
        return types.ElicitResult(action="accept", content={"answer": "keep"})

    more = {} if how == "absent" else {"elicitation_callback": asked}
    async with client(**more) as c:
        _, status = await begun(c)
        conflict = (await call(c, "conflict_list"))["conflicts"][0]
        arguments = {"path": conflict["path"], "ids": conflict["ids"]}
        answered = await call(c, "conflict_answer", **arguments)
        after = await call(c, "conflict_list")
        tell(answered=answered, answer=after["conflicts"][0]["answer"], asked=len(ASKED), protocol=str(c.protocol_version))
        paused = await call(c, "upgrade_pause")
        assert paused["stands"] == "interrupted" and paused["next"]["tool"] == "upgrade_resume", paused
        tell(session=paused["session_id"], conflicts=after["conflicts"])


async def cancel():
    """A call that is cancelled pauses the session, as `q` does."""
    async with client() as c:
        plan = await call(c, "upgrade_plan", source=SOURCE)
        started = asyncio.create_task(call(c, "upgrade_start", **plan["next"]["arguments"]))
        while (await call(c, "upgrade_status"))["stands"] != "running":
            await asyncio.sleep(0.02)
        started.cancel()
        try:
            await started
        except asyncio.CancelledError:
            pass
        status = await call(c, "upgrade_status")
        for _ in range(600):
            if status["stands"] != "running":
                break
            await asyncio.sleep(0.1)
            status = await call(c, "upgrade_status")
        tell(stands=status["stands"], applied=status["applied"], next=status["next"]["tool"])


asyncio.run({"whole": whole, "finish": finish, "elicit": elicit, "cancel": cancel}[SCENARIO]())
