"""The neighbours of responses: models, vector stores, containers, webhook endpoints, skills."""

from __future__ import annotations

from antiphon.checker.cases import case
from antiphon.checker.client import Part, pause
from antiphon.checker.material import inner, missing, objects_of, refused, same
from antiphon.checker.paging import ids_of
from antiphon.checker.probe import Probe

M, V, BOX, HOOK = "models", "vector_stores", "containers", "webhooks"
NOBODY = "0f" * 16


@case(
    f"{M}.all",
    requirements=[
        f"{M}.list.names-the-model",
        f"{M}.list.ids-are-distinct",
        f"{M}.retrieve.equals-listed",
        f"{M}.retrieve.unknown-is-404",
    ],
    requests=3,
    needs=("models",),
)
async def models(probe: Probe) -> None:
    """The list of models, and one of them."""
    listed = await probe.ask("GET", "/models")
    ids = ids_of(listed)
    probe.holds(f"{M}.list.names-the-model", probe.model in ids, expected=probe.model, got=ids, on=listed)
    same(probe, f"{M}.list.ids-are-distinct", len(ids), len(set(ids)), listed)
    one = next(
        (entry for entry in listed.json["data"] if entry.get("id") == probe.model), listed.json["data"][0]
    )
    found = await probe.ask("GET", f"/models/{one['id']}")
    same(probe, f"{M}.retrieve.equals-listed", one, found.json, listed, found)
    missing(probe, f"{M}.retrieve.unknown-is-404", await probe.request("GET", f"/models/{NOBODY}"))


@case(
    f"{V}.one",
    requirements=[
        f"{V}.create.tells-the-store",
        f"{V}.retrieve.equals-created",
        f"{V}.retrieve.unknown-is-404",
        f"{V}.list.contains-the-store",
        f"{V}.update.changes-it",
        f"{V}.delete.then-404",
    ],
    requests=7,
    needs=(V,),
)
async def vector_store(probe: Probe) -> None:
    """A vector store from its making to its deletion."""
    word = probe.word()
    made = await probe.ask("POST", "/vector_stores", {"name": word, "metadata": {"a": "1"}})
    counts = inner(made.json, "file_counts").get("total")
    shown = [made.json.get("name"), made.json.get("metadata"), counts]
    same(probe, f"{V}.create.tells-the-store", [word, {"a": "1"}, 0], shown, made)
    path = f"/vector_stores/{made.json['id']}"
    found = await probe.ask("GET", path)
    keys = ("id", "name", "metadata", "created_at")
    same(
        probe,
        f"{V}.retrieve.equals-created",
        [made.json[k] for k in keys],
        [found.json.get(k) for k in keys],
        found,
    )
    missing(probe, f"{V}.retrieve.unknown-is-404", await probe.request("GET", f"/vector_stores/vs_{NOBODY}"))
    listed = await probe.ask("GET", "/vector_stores", query={"limit": 100})
    inside = made.json["id"] in ids_of(listed)
    probe.holds(
        f"{V}.list.contains-the-store", inside, expected=made.json["id"], got=ids_of(listed), on=listed
    )
    new = await probe.ask("POST", path, {"name": f"{word}2", "metadata": {"b": "2"}})
    same(
        probe,
        f"{V}.update.changes-it",
        (f"{word}2", "2"),
        (new.json["name"], new.json["metadata"].get("b")),
        new,
    )
    gone = await probe.ask("DELETE", path)
    same(probe, f"{V}.delete.then-404", "vector_store.deleted", gone.json.get("object"), gone)
    refused(probe, f"{V}.delete.then-404", await probe.request("GET", path), 404)


@case(
    f"{V}.files",
    requirements=[f"{V}.files.are-indexed", f"{V}.files.removed-is-not-found"],
    requests=20,
    needs=(V,),
)
async def vector_store_files(probe: Probe) -> None:
    """A file is attached, searched and taken out."""
    word = probe.word()
    store = await probe.ask("POST", "/vector_stores", {"name": "files"})
    file = await probe.upload("a.txt", f"The password is {word}.".encode(), "assistants")
    path = f"/vector_stores/{store.json['id']}"
    entry = await probe.ask("POST", f"{path}/files", {"file_id": file.json["id"]})
    for _ in range(60):
        if entry.json.get("status") != "in_progress":
            break
        await pause(0.2)
        entry = await probe.ask("GET", f"{path}/files/{file.json['id']}")
    same(probe, f"{V}.files.are-indexed", "completed", entry.json.get("status"), entry)
    hits = await probe.ask("POST", f"{path}/search", {"query": f"password {word}"})
    texts = [part.get("text", "") for hit in hits.json["data"] for part in objects_of(hit, "content")]
    said = any(word in text for text in texts)
    probe.holds(f"{V}.files.are-indexed", said, expected=word, got=texts, on=hits)
    await probe.ask("DELETE", f"{path}/files/{file.json['id']}")
    left = await probe.ask("GET", f"{path}/files")
    same(probe, f"{V}.files.removed-is-not-found", [], ids_of(left), left)
    await probe.request("DELETE", path)


@case(
    f"{BOX}.one",
    requirements=[
        f"{BOX}.create.tells-the-container",
        f"{BOX}.retrieve.unknown-is-404",
        f"{BOX}.files.keep-their-content",
        f"{BOX}.delete.then-404",
    ],
    requests=6,
    needs=(BOX,),
)
async def container(probe: Probe) -> None:
    """A container with a file in it."""
    word = probe.word()
    made = await probe.ask("POST", "/containers", {"name": word})
    same(probe, f"{BOX}.create.tells-the-container", word, made.json.get("name"), made)
    path = f"/containers/{made.json['id']}"
    missing(probe, f"{BOX}.retrieve.unknown-is-404", await probe.request("GET", f"/containers/cntr_{NOBODY}"))
    form: dict[str, Part] = {"file": ("a.txt", b"inside", "text/plain")}
    file = await probe.ask("POST", f"{path}/files", form=form)
    data = await probe.ask("GET", f"{path}/files/{file.json['id']}/content")
    named = str(file.json.get("path")).endswith("a.txt")
    same(probe, f"{BOX}.files.keep-their-content", (True, b"inside"), (named, data.body), file, data)
    await probe.ask("DELETE", path)
    refused(probe, f"{BOX}.delete.then-404", await probe.request("GET", path), 404)


@case(
    f"{HOOK}.endpoint",
    requirements=[
        f"{HOOK}.endpoints.secret-is-told-once",
        f"{HOOK}.endpoints.update-changes-it",
        f"{HOOK}.endpoints.rotation-changes-the-secret",
        f"{HOOK}.endpoints.list-contains-it",
        f"{HOOK}.endpoints.deleted-is-404",
        f"{HOOK}.types.are-listed",
    ],
    requests=8,
    needs=(HOOK,),
)
async def endpoint(probe: Probe) -> None:
    """A webhook endpoint from its making to its deletion; nothing is sent to it."""
    body = {"name": "check", "url": "https://example.com/hook", "event_types": ["response.completed"]}
    made = await probe.ask("POST", "/webhook_endpoints", body)
    secret = str(made.json.get("signing_secret"))
    path = f"/webhook_endpoints/{made.json['id']}"
    found = await probe.ask("GET", path)
    shown = (secret.startswith("whsec_"), "signing_secret" in found.json)
    same(probe, f"{HOOK}.endpoints.secret-is-told-once", (True, False), shown, made, found)
    new = await probe.ask("POST", path, {"name": "renamed"})
    same(probe, f"{HOOK}.endpoints.update-changes-it", "renamed", new.json.get("name"), new)
    turned = await probe.ask("POST", f"{path}/rotate_secret", {})
    differs = turned.json.get("signing_secret") not in (None, secret)
    probe.holds(
        f"{HOOK}.endpoints.rotation-changes-the-secret",
        differs,
        expected="another",
        got=turned.json,
        on=turned,
    )
    listed = await probe.ask("GET", "/webhook_endpoints")
    entry = next((one for one in listed.json["data"] if one["id"] == made.json["id"]), None)
    open_there = entry is not None and "signing_secret" not in entry
    probe.holds(
        f"{HOOK}.endpoints.list-contains-it", open_there, expected=made.json["id"], got=entry, on=listed
    )
    types = await probe.ask("GET", "/webhook_event_types")
    known = "response.completed" in str(types.json.get("data"))
    probe.holds(f"{HOOK}.types.are-listed", known, expected="response.completed", got=types.json, on=types)
    await probe.ask("DELETE", path)
    refused(probe, f"{HOOK}.endpoints.deleted-is-404", await probe.request("GET", path), 404)


@case(
    "skills.reading",
    requirements=["skills.list.is-a-list", "skills.retrieve.unknown-is-404"],
    requests=2,
    needs=("skills",),
)
async def skills(probe: Probe) -> None:
    """The list of skills, and one that is not there."""
    listed = await probe.ask("GET", "/skills")
    same(probe, "skills.list.is-a-list", "list", listed.json.get("object"), listed)
    missing(probe, "skills.retrieve.unknown-is-404", await probe.request("GET", f"/skills/skill_{NOBODY}"))
