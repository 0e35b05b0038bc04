"""provisioning-panel migrate, backup and restore over SQLite; over PostgreSQL backup and restore are in postgresql_test.py."""
import subprocess

import pytest

from conftest import AGENT, BIN, Platform, requires, wait_for


class Movable(Platform):
    def __init__(self, directory):
        super().__init__(directory)
        self.database_url = None  # SQLite's, in the state directory

    def panel_environment(self):
        url = {"DATABASE_URL": self.database_url} if self.database_url else {}
        return {**super().panel_environment(), **url}

    def command(self, *arguments):
        return subprocess.run([BIN / "provisioning-panel", *map(str, arguments)], env=self.panel_environment(), check=False,
                              capture_output=True, text=True)

    def stop_panel(self):
        self.panel.terminate()
        assert self.panel.wait(20) == 0

    def over(self, url):
        self.database_url = url
        self.start_panel()
        wait_for(self.agent_online, what="the agent")


@pytest.fixture(scope="module", name="platform")
def platform_fixture(tmp_path_factory):
    requires("root")
    running = Movable(tmp_path_factory.mktemp("platform"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


def tables(done):
    """{table: (rows, digest)} of what a command printed."""
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) > 10 and all(len(line) == 3 for line in lines), done.stdout
    return {name: (int(rows), digest) for name, rows, digest in lines}


def test_an_installation_moves_to_postgresql_and_back(platform, server, tmp_path):
    hello = {"greeting": "moved", "greeting_file": str(tmp_path / "hello")}
    first = platform.ended(platform.submit("hello", hello))
    log = platform.log(first["id"])
    file = platform.directory / "panel/panel.db"
    url = server.new_database("moved")
    there = ("migrate", "--from", f"sqlite:{file}", "--to", url)
    refused = platform.command(*there)
    assert refused.returncode == 2 and "stop every panel" in refused.stderr, refused.stderr

    platform.stop_panel()
    moved = tables(platform.command(*there))
    assert moved["jobs"][0] == 1 and moved["audit"][0] > 2 and moved["agents"][0] == 1
    platform.over(url)
    assert platform.job(first["id"]) == first and platform.log(first["id"]) == log
    second = platform.ended(platform.submit("hello", hello))
    assert second["status"] == "succeeded", second
    assert platform.call("POST", "/api/audit/verify")[1]["ok"]

    platform.stop_panel()
    back = ("migrate", "--from", url, "--to", f"sqlite:{file}")
    refused = platform.command(*back)
    assert refused.returncode == 2 and "holds data already" in refused.stderr, refused.stderr
    file.rename(file.with_suffix(".before"))
    returned = tables(platform.command(*back))
    assert returned["jobs"][0] == 2
    assert file.stat().st_mode & 0o777 == 0o600
    platform.over(None)
    assert [platform.job(job["id"]) for job in (first, second)] == [first, second]
    assert platform.get(f"/api/servers/{AGENT}")["status"] == "online"
    assert platform.call("POST", "/api/audit/verify")[1]["ok"]


def test_a_password_is_in_no_argument(platform, server, tmp_path):
    refused = platform.command("migrate", "--from", f"sqlite:{tmp_path}/none.db", "--to", server.url(user="panel:canary-4711"))
    assert refused.returncode == 2 and "--to-file" in refused.stderr, refused.stderr
    assert "canary" not in refused.stderr + refused.stdout
    (tmp_path / "url").write_text(server.url(user="panel:canary-4711") + "\n")
    taken = platform.command("migrate", "--from", f"sqlite:{tmp_path}/none.db", "--to-file", tmp_path / "url")
    assert taken.returncode == 2 and "there is no database" in taken.stderr and "canary" not in taken.stderr, taken.stderr


def test_a_backup_is_made_while_the_panel_runs_and_restored_into_an_empty_store(platform, tmp_path):
    job = platform.ended(platform.submit("hello", {"greeting": "kept", "greeting_file": str(tmp_path / "hello")}))
    backup = tmp_path / "backup"
    held = tables(platform.command("backup", backup))
    assert backup.stat().st_mode & 0o777 == 0o600 and sorted(tmp_path.iterdir()) == [backup, tmp_path / "hello"]
    refused = platform.command("restore", backup)
    assert refused.returncode == 2 and "stop every panel" in refused.stderr, refused.stderr
    again = platform.command("backup", backup)
    assert again.returncode == 2 and "is there already" in again.stderr, again.stderr

    platform.stop_panel()
    file = platform.directory / "panel/panel.db"
    refused = platform.command("restore", backup)
    assert refused.returncode == 2 and "holds data already" in refused.stderr, refused.stderr
    file.rename(file.with_suffix(".old"))
    assert tables(platform.command("restore", backup)) == held
    platform.over(None)
    assert platform.job(job["id"]) == job
    assert platform.call("POST", "/api/audit/verify")[1]["ok"]
