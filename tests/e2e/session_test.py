"""People over the real panel: signing in as a browser does, and what ends it."""
import json

import pytest

from conftest import user

PASSWORD = "correct horse battery"


class Browser:
    """Keeps a cookie, and asks as a page of the panel does. Every exchange is held to the document."""

    def __init__(self, platform):
        self.platform = platform
        self.cookie = self.csrf = None

    def call(self, method, target, body=None, headers=None, **more):
        sent = {"Origin": f"http://127.0.0.1:{self.platform.port}", "Sec-Fetch-Site": "same-origin"}
        if self.cookie:
            sent |= {"Cookie": self.cookie, "X-CSRF-Token": self.csrf}
        return self.platform.call(method, target, body, sent | (headers or {}), token=False, **more)

    def sign_in(self, name, password=PASSWORD):
        body = json.dumps({"name": name, "password": password})
        status, headers, data = self.platform.raw("POST", "/api/session", body, {"Content-Type": "application/json"})
        assert status == 200, data
        assert headers["set-cookie"].startswith("session=") and "HttpOnly; SameSite=Strict" in headers["set-cookie"]
        self.cookie = headers["set-cookie"].partition(";")[0]
        self.csrf = json.loads(data)["csrf_token"]
        return self

    def here(self):
        return self.call("GET", "/api/session")[0] == 200


@pytest.fixture(name="root", scope="module")
def fixture_root(platform):
    made = user(platform, "create", "root", "--administrator", "--password-file", "-", password=PASSWORD)
    assert made.returncode == 0, made.stderr
    return Browser(platform).sign_in("root")


def test_a_person_signs_in_works_and_signs_out(platform, root):
    status, session = root.call("GET", "/api/session")
    assert status == 200 and session["user"]["name"] == "root" and session["user"]["role"] == "administrator"
    assert root.call("GET", "/api/jobs")[0] == 200
    other = Browser(platform).sign_in("root")
    status, job = other.call("POST", "/api/jobs", {"app_id": "hello", "server_id": "agent-e2e", "inputs": {}})
    assert status == 202 and job["user_id"] == "root"
    platform.ended(job["id"])
    assert other.call("DELETE", "/api/session")[0] == 204
    assert not other.here() and root.here()


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(platform, root):
    answers = [Browser(platform).call("POST", "/api/session", {"name": name, "password": "wrong horse battery"})
               for name in ("root", "somebody")]
    assert answers[0] == answers[1] and answers[0][0] == 401 and answers[0][1]["code"] == "invalid_credentials"
    assert root.here()


def test_another_sites_page_can_do_nothing(platform, root):
    job = {"app_id": "hello", "server_id": "agent-e2e", "inputs": {}}
    for wrong in ({"X-CSRF-Token": "x"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        status, problem = root.call("POST", "/api/jobs", job, wrong)
        assert status == 403 and problem["code"] == "csrf_refused", problem


def test_users_are_managed_by_administrators_alone(platform, root):
    status, ann = root.call("POST", "/api/users", {"name": "ann", "password": PASSWORD, "role": "user"})
    assert status == 201
    browser = Browser(platform).sign_in("ann")
    assert browser.call("GET", "/api/users")[0] == 403
    assert [each["name"] for each in root.call("GET", "/api/users")[1]["items"]] == ["ann", "root"]
    assert root.call("POST", "/api/users", {"name": "ann", "password": PASSWORD, "role": "user"})[0] == 409
    assert root.call("PATCH", f"/api/users/{ann['id']}", {"disabled": True})[1]["disabled"]
    assert not browser.here()
    assert Browser(platform).call("POST", "/api/session", {"name": "ann", "password": PASSWORD})[0] == 401
    assert root.call("PATCH", f"/api/users/{ann['id']}", {"disabled": False})[0] == 200
    browser.sign_in("ann")
    assert root.call("POST", f"/api/users/{ann['id']}/password", {"new_password": "another battery"})[0] == 204
    assert not browser.here()
    assert root.call("DELETE", f"/api/users/{ann['id']}")[0] == 204
    myself = root.call("GET", "/api/session")[1]["user"]["id"]
    assert root.call("DELETE", f"/api/users/{myself}")[1]["code"] == "last_administrator"


def test_a_person_changes_the_password_and_other_sessions_end(platform, root):
    assert root.call("POST", "/api/users", {"name": "bob", "password": PASSWORD, "role": "user"})[0] == 201
    one, other = Browser(platform).sign_in("bob"), Browser(platform).sign_in("bob")
    change = {"current_password": "wrong horse battery", "new_password": "another battery"}
    status, problem = one.call("POST", "/api/session/password", change)
    assert status == 422 and problem["errors"][0]["field"] == "/current_password"
    assert one.call("POST", "/api/session/password", change | {"current_password": PASSWORD})[0] == 204
    assert one.here() and not other.here()
    other.sign_in("bob", "another battery")
    assert one.call("DELETE", "/api/sessions")[0] == 204
    assert not one.here() and not other.here()


def test_a_token_of_ones_own_works_until_it_is_revoked(platform, root):
    status, made = root.call("POST", "/api/tokens", {"name": "ci", "scopes": ["read"]})
    assert status == 201
    header = {"Authorization": f"Bearer {made['token']}"}
    assert platform.call("GET", "/api/jobs", headers=header)[0] == 200
    assert platform.call("GET", "/api/session", headers=header)[0] == 403
    assert [token["name"] for token in root.call("GET", "/api/tokens")[1]["items"]] == ["ci"]
    assert root.call("DELETE", f"/api/tokens/{made['id']}")[0] == 204
    assert root.call("GET", "/api/tokens")[1]["items"] == []


def test_preferences_are_kept(root):
    wanted = {"favourites": ["nginx"], "views": [{"name": "Failed", "query": "status=failed"}], "time_zone": "UTC",
              "theme": "dark", "notify": True}
    assert root.call("PUT", "/api/session/preferences", wanted) == (200, wanted)
    assert root.call("GET", "/api/session/preferences") == (200, wanted)
    assert root.call("PUT", "/api/session/preferences", wanted | {"theme": "pink"}, wrong={"body"})[0] == 422


def test_a_session_outlives_the_panels_restart(platform, root):
    platform.panel.terminate()
    platform.panel.wait(20)
    platform.start_panel()
    assert root.here()


@pytest.mark.parametrize("arguments,password,text", [
    (("create", "Root", "--password-file", "-"), PASSWORD, "a-z"),
    (("create", "eve", "--password-file", "-"), "short", "at least 12"),
    (("create", "root", "--password-file", "-"), PASSWORD, "already"),
    (("create", "--password-file", "-"), PASSWORD, "one name"),
    (("password", "eve", "--password-file", "-"), PASSWORD, "no such user"),
    (("create", "eve", "--password", PASSWORD), "", "--password"),
])
def test_a_user_is_not_made_by_what_is_wrong(platform, root, arguments, password, text):
    refused = user(platform, *arguments, password=password)
    assert refused.returncode == 2 and text in refused.stderr, refused.stderr
    assert "eve" not in user(platform, "list", password="").stdout
    assert root.here()
