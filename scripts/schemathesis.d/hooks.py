"""What Schemathesis cannot know from the OpenAPI document: how to sign in, and values with check digits or owners.

Run by scripts/schemathesis, which names the server and the password of its users in CRM_ADDRESS and CRM_PASSWORD.
"""

import http.client
import json
import os
import re
import time
import uuid
import zlib

import jsonschema_rs
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.transport.serialization import Binary

ADDRESS = os.environ["CRM_ADDRESS"]
# What each user signs in with. `admin` makes the requests; the two others are signed out and change their password.
PASSWORDS = {f"{name}@example.com": os.environ["CRM_PASSWORD"] for name in ("admin", "leaver", "changer")}
AUTH = LOGIN, REFRESH, LOGOUT, PASSWORD = [f"/api/v1/auth/{name}" for name in ("login", "refresh", "logout", "password")]
IMPORTS = "/api/v1/imports"
# An access token lives for 15 minutes.
REFRESH_SECONDS = 600
# Parts of the ranges that the regulators of France and the United Kingdom keep for works of fiction.
PHONE = re.compile(r"\+(33199001|442079460)[0-9]{3}", re.ASCII)
# What every resource has: lists, records, deletion.
RESOURCES = ("organisations", "people", "products", "mandates")
# Fields that hold the id of a record, and what it is a record of.
REFERENCES = {"owner_id": "users", "team_id": "teams", "organisation_id": "organisations"}
# Ties between records: the path of the one end, the field of the other.
TIES = {"person_id": "people of organisations", "product_id": "products of mandates"}
ENTITY_TAG = re.compile(r'\*|"[1-9][0-9]{0,17}"')


def ask(method, path, token=None, body=None):
    """Asks the server from a loopback address of its own, so that refused sign-ins of the tests do not count for it."""
    connection = http.client.HTTPConnection(ADDRESS, timeout=30, source_address=("127.0.0.2", 0))
    headers = {"Content-Type": "application/json", "If-Match": "*"} | ({"Authorization": f"Bearer {token}"} if token else {})
    connection.request(method, path, json.dumps(body) if body else None, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()}")
    return json.loads(text) if text else None


def sign_in(name):
    email = f"{name}@example.com"
    return ask("POST", LOGIN, body={"email": email, "password": PASSWORDS[email]})


class Bearer:
    """The header of a session."""

    user = "admin"

    def get(self, case, context):
        return sign_in(self.user)["access_token"]

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.auth(refresh_interval=REFRESH_SECONDS).skip_for(path=[LOGOUT, PASSWORD])
class Shared(Bearer):
    """One session for all requests that leave it alone."""


@schemathesis.auth(refresh_interval=None).apply_to(path=LOGOUT)
class Leaving(Bearer):
    """A session for each request that ends it."""

    user = "leaver"


@schemathesis.auth(refresh_interval=None).apply_to(path=PASSWORD)
class Changing(Bearer):
    """A session of somebody whose password may change."""

    user = "changer"


@schemathesis.hook
def filter_failure(ctx, failure, case, response):
    """Forms with a file are never checked by Schemathesis 4.32 itself: it may call a good one bad."""
    return not (isinstance(failure, AcceptedNegativeData) and case.operation.path == IMPORTS and is_upload(case))


def is_upload(case):
    """Whether the form is what the document says, whatever its file holds."""
    document = case.operation.schema.raw_schema
    schema = {"$ref": "#/components/schemas/UploadBody", "components": document["components"]}
    form = case.body if isinstance(case.body, dict) else {}
    form = {name: "" if isinstance(value, Binary) else value for name, value in form.items()}
    return jsonschema_rs.is_valid(schema, form)


def is_positive(case):
    return case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """Makes valid requests agree with the data that is there; the form of a request alone cannot."""
    if not is_positive(case):
        keep_together(case)
        return
    # Sequences of calls bring the ids of records that they have made.
    if case.meta.phase.name.value != "stateful":
        case.path_parameters = real_path(case)
    if isinstance(case.query, dict):
        if "sort" in case.query:
            case.query["sort"] = each_field_once(case.query["sort"])
        if "cursor" in case.query:
            use_real_cursor(case)
    if "Idempotency-Key" in (case.headers or {}):
        # The same key only with the same body: the answers are replayed and not refused.
        is_file = case.operation.path == IMPORTS
        case.headers["Idempotency-Key"] = uuid.uuid4().hex if is_file else f"key-{zlib.crc32(text_of(case.body)):08x}"
    tag = (case.headers or {}).get("If-Match")
    # Hardly any version that is made up is the one of the record, and 412 tells nothing of the body. Schemathesis 4.32
    # also calls requests good whose tag breaks its pattern.
    if tag is not None and (not ENTITY_TAG.fullmatch(tag) or chance(tag) < 192):
        case.headers["If-Match"] = "*"
    if not isinstance(case.body, dict):
        return
    if case.operation.path in AUTH:
        use_real_secrets(case)
    elif case.operation.path.endswith("/batch"):
        case.body = {**case.body, "atomic": False}
    else:
        if case.method == "PATCH" and case.operation.path.startswith("/api/v1/mandates/"):
            name_all_days(case.body)
        case.body = with_real_references(case.body)


def keep_together(case):
    """A bad operation is refused only with its whole batch: one that does not stand and fall together tells it in 200."""
    if case.operation.path.endswith("/batch") and isinstance(case.body, dict) and case.body.get("atomic") is False:
        case.body = {**case.body, "atomic": True}


def each_field_once(sort):
    """A field is sorted by in one direction; `name` and `-name` are two different words to a schema."""
    words = sort.split(",") if isinstance(sort, str) else sort
    fields = [word.lstrip("-") for word in words]
    once = [word for place, word in enumerate(words) if fields[place] not in fields[:place]]
    return ",".join(once) if isinstance(sort, str) else once


def use_real_cursor(case):
    """Cursors come from the page before, with the same other parameters."""
    cursor = case.query.pop("cursor")
    request = requests.Request(**case.as_transport_kwargs(base_url=f"http://{ADDRESS}"))
    path = request.prepare().path_url
    path = re.sub(r"([?&])limit=[0-9]+", r"\1", path) + ("&" if "?" in path else "?") + "limit=1"
    try:
        real = ask(case.method, path, session())["next_cursor"]
    except (RuntimeError, json.JSONDecodeError):
        # What is wrong with the rest of the request is for the test to find, and a file has no pages.
        return
    if real is not None:
        case.query["cursor"] = real


def use_real_secrets(case):
    """With random secrets alone all answers would be 401."""
    path, body = case.operation.path, case.body
    if path == LOGIN and chance(body) < 128:
        case.body = {"email": "leaver@example.com", "password": PASSWORDS["leaver@example.com"]}
    elif path == REFRESH and chance(body) < 128:
        case.body = {"refresh_token": sign_in("leaver")["refresh_token"]}
    elif path == PASSWORD:
        new = body.get("new_password", "")
        # Passwords that are easily guessed are refused, which is no fault of the request's form.
        new = new if len(set(new)) > 8 else uuid.uuid4().hex
        case.body = {"current_password": PASSWORDS["changer@example.com"], "new_password": new}


def with_real_references(body):
    """What no schema can say: owners and teams exist, phone numbers are of a numbering plan, days are in order."""
    body = {name: known(REFERENCES[name], value) if name in REFERENCES else value for name, value in body.items()}
    for name in ("phone", "mobile", "work_phone"):
        if body.get(name) is not None and not PHONE.fullmatch(body[name]):
            body[name] = "+33199001234"
    for days in (("since", "until"), ("signed_on", "starts_on", "ends_on")):
        in_order(body, days)
    if body.get("status") in ("signed", "active", "ended") and "signed_on" in body and body["signed_on"] is None:
        # What is signed has the day of it.
        del body["signed_on"]
    return body


def name_all_days(body):
    """A change of one day may not go with the others that the record has: name them all, or none."""
    if any(name in body for name in ("signed_on", "starts_on", "ends_on")):
        body["signed_on"] = body.get("signed_on") or "1000-01-01"
        body.setdefault("starts_on", None)
        body.setdefault("ends_on", None)


def in_order(body, names):
    """The days of a body that has several, from the first to the last."""
    present = [name for name in names if body.get(name) is not None]
    for name, day in zip(present, sorted(body[name] for name in present)):
        body[name] = day


@schemathesis.hook
def after_call(ctx, case, response):
    if case.operation.path == PASSWORD and response.status_code == 204:
        PASSWORDS["changer@example.com"] = case.body["new_password"]


def text_of(value):
    return json.dumps(value, sort_keys=True, default=str).encode()


def chance(value):
    """A number from 0 to 255 that is the same for the same value."""
    return zlib.crc32(text_of(value)) & 255


SESSION = {}


def session():
    """The access token of the requests that this file makes itself."""
    if SESSION.get("until", 0) < time.monotonic():
        SESSION.update(token=sign_in("admin")["access_token"], until=time.monotonic() + REFRESH_SECONDS)
    return SESSION["token"]


def fetch_known():
    """Ids of records that are there, by the parameters and fields that take them."""
    user = ask("GET", "/api/v1/auth/me", session())["user"]
    listed = lambda path: ask("GET", f"/api/v1/{path}?limit=200", session())["items"]
    found = {"imports": [record["id"] for record in listed("imports")], "users": [user["id"]], "teams": [user["team_id"]]}
    for kind in RESOURCES:
        for record in listed(kind)[:5]:
            ask("DELETE", f"/api/v1/{kind}/{record['id']}", session())
            found.setdefault(f"deleted {kind}", []).append(record["id"])
        found[kind] = [record["id"] for record in listed(kind)]
    found["people of organisations"] = [
        {"id": link["organisation_id"], "person_id": link["person_id"]}
        for id in found["organisations"] for link in listed(f"organisations/{id}/people")
    ]
    found["products of mandates"] = [
        {"id": tie["mandate_id"], "product_id": tie["product_id"]}
        for id in found["mandates"] for tie in listed(f"mandates/{id}/products")
    ]
    return found


KNOWN = fetch_known()


def is_uuid(value):
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def one_of(kind, value):
    """One of the records, the same for the same value."""
    return KNOWN[kind][zlib.crc32(text_of(value)) % len(KNOWN[kind])]


def known(kind, value):
    return one_of(kind, value) if is_uuid(value) else value


def real_path(case):
    """Most ids are those of records that are there; the rest show what becomes of those that are not."""
    given, path = case.path_parameters, case.operation.path
    if not given or not all(map(is_uuid, given.values())) or chance(given) < 64:
        return given
    for name, ties in TIES.items():
        if name in given:
            return dict(one_of(ties, given))
    kind = path.removeprefix("/api/v1/").split("/")[0]
    if path.endswith("/restore"):
        kind = f"deleted {kind}"
    return {name: one_of(kind, value) for name, value in given.items()} if kind in KNOWN else given


def lei(stem):
    """A Legal Entity Identifier from its first 18 characters: the rest modulo 97 is 1 (ISO 17442)."""
    number = int("".join(str(int(character, 36)) for character in stem + "00"))
    return f"{stem}{98 - number % 97:02}"


def isin(stem):
    """A security's number from its first 11 characters: the digits' Luhn sum ends in 0 (ISO 6166)."""
    digits = "".join(str(int(character, 36)) for character in stem)
    total = sum(sum(divmod(int(digit) * (2 if place % 2 == 0 else 1), 10)) for place, digit in enumerate(reversed(digits)))
    return f"{stem}{-total % 10}"


schemathesis.openapi.format("lei", st.from_regex(r"[0-9A-Z]{18}", fullmatch=True).map(lei))
schemathesis.openapi.format("isin", st.from_regex(r"(DE|FR|LU)[0-9A-Z]{9}", fullmatch=True).map(isin))
schemathesis.openapi.format("phone", st.from_regex(PHONE, fullmatch=True))
schemathesis.openapi.format("decimal", st.from_regex(r"-?[0-9]{1,13}(\.[0-9]{1,2})?", fullmatch=True))
