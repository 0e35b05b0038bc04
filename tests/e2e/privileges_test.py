"""What the agent's network process holds and may do, and that the executor has no network: of the real processes."""
import base64
import json
import os
import pathlib
import pwd

import pytest

from conftest import wait_for


def memory_of(pid):
    """All of a process's readable memory, mapping by mapping."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if "r" not in rights or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            begin, end = (int(each, 16) for each in span.split("-"))
            try:
                memory.seek(begin)
                yield memory.read(end - begin)
            except OSError:
                continue


def forms(key):
    raw = base64.b64decode(key)
    return {raw, raw.hex().encode(), raw.hex().upper().encode(), base64.b64encode(raw).rstrip(b"=")}


def holds(pid, key):
    wanted = forms(key)
    return any(form in piece for piece in memory_of(pid) for form in wanted)


@pytest.fixture
def net(platform):
    return wait_for(platform.net_pid, what="the network process")


def test_the_network_process_holds_the_transport_key_and_no_other(platform, net):
    platform.ended(platform.submit("hello"))  # it has carried orders, events and acknowledgements
    net = platform.net_pid()
    keys = json.loads((platform.directory / "agent/keys").read_text())
    # Where this finds nothing the search itself would be broken.
    assert holds(net, keys["http"])
    keys["sealing"] = json.loads((platform.directory / "agent/sealing-key").read_text())["key"]
    for name in ("job", "event", "sealing"):
        assert holds(platform.agent.pid, keys[name]), name
        assert not holds(net, keys[name]), f"the network process holds the {name} key"


def test_the_network_process_has_no_rights(net):
    user = pwd.getpwnam("nobody")
    status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{net}/status").read_text().splitlines()
                  if ":\t" in line)
    assert status["Uid"].split() == [str(user.pw_uid)] * 4
    assert status["Gid"].split() == [str(user.pw_gid)] * 4
    assert status["Groups"].split() == []
    for each in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[each], 16) == 0, each
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2", "its system calls are not limited"
    assert pathlib.Path(f"/proc/{net}/environ").read_bytes() == b"LANG=C.UTF-8\0"


def test_the_network_process_has_no_terminal(net):
    # Behind the name: state, parent, group, session, terminal.
    _, _, _, session, terminal = pathlib.Path(f"/proc/{net}/stat").read_text().rpartition(") ")[2].split()[:5]
    assert (int(session), int(terminal)) == (net, 0)
    assert [os.readlink(f"/proc/{net}/fd/{fd}") for fd in (0, 1)] == ["/dev/null"] * 2


def test_the_network_process_has_no_file_of_the_agent_open(platform, net):
    for each in pathlib.Path(f"/proc/{net}/fd").iterdir():
        try:
            target = os.readlink(each)
        except FileNotFoundError:
            continue
        assert not target.startswith(f"{platform.directory}/agent/"), target


def test_the_executor_has_no_network(platform, net):
    def namespace(pid):
        return os.readlink(f"/proc/{pid}/ns/net")
    assert namespace(net) == namespace("self")
    assert namespace(platform.agent.pid) != namespace("self")
    interfaces = pathlib.Path(f"/proc/{platform.agent.pid}/net/dev").read_text().splitlines()[2:]
    assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]
    assert pathlib.Path(f"/proc/{platform.agent.pid}/net/route").read_text().splitlines()[1:] == []
