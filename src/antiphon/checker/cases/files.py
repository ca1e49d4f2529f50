"""Files and uploads in parts."""

from __future__ import annotations

from antiphon.checker.cases import case
from antiphon.checker.client import Part
from antiphon.checker.material import missing, refused, same
from antiphon.checker.paging import ids_of
from antiphon.checker.probe import Probe
from antiphon.checker.wire import Exchange

NEEDS, UPLOADS = ("files",), ("uploads",)
UP, GET, LIST, GONE = (f"files.{topic}" for topic in ("upload", "retrieve", "list", "delete"))


@case(
    "files.one",
    requirements=[
        f"{UP}.tells-the-file",
        f"{GET}.equals-uploaded",
        f"{GET}.unknown-is-404",
        "files.content.is-what-was-uploaded",
        f"{LIST}.contains-the-file",
        f"{LIST}.purpose-filters",
        "files.use.input-file-is-read",
        f"{GONE}.answers-with-the-deletion",
        f"{GONE}.then-404",
    ],
    requests=11,
    tokens=60,
    needs=NEEDS,
)
async def one(probe: Probe) -> None:
    """A file from its upload to its deletion."""
    name, content = f"{probe.word()}.txt", b"two\nlines\n\xc3\xa9"
    made = await probe.upload(name, content)
    shown = [made.json.get(key) for key in ("filename", "bytes", "purpose", "object")]
    same(probe, f"{UP}.tells-the-file", [name, len(content), "user_data", "file"], shown, made)
    path = f"/files/{made.json['id']}"
    found = await probe.ask("GET", path)
    same(probe, f"{GET}.equals-uploaded", made.json, found.json, made, found)
    missing(probe, f"{GET}.unknown-is-404", await probe.request("GET", f"/files/file-{'0f' * 12}"))
    data = await probe.ask("GET", f"{path}/content")
    same(probe, "files.content.is-what-was-uploaded", content, data.body, data)
    listed = await probe.ask("GET", "/files", query={"limit": 100, "order": "desc"})
    inside = made.json["id"] in ids_of(listed)
    probe.holds(f"{LIST}.contains-the-file", inside, expected=made.json["id"], got=ids_of(listed), on=listed)
    others = await probe.ask("GET", "/files", query={"purpose": "batch"})
    purposes = {entry.get("purpose") for entry in others.json["data"]} - {"batch"}
    same(probe, f"{LIST}.purpose-filters", [], sorted(purposes), others)
    parts = [{"type": "input_file", "file_id": made.json["id"]}, {"type": "input_text", "text": "Say: ok"}]
    answer = await probe.attempt(input=[{"role": "user", "content": parts}], max_output_tokens=16)
    if why := probe.lack(answer):
        probe.unimplemented("files.use.input-file-is-read", why, on=answer)
    else:
        same(probe, "files.use.input-file-is-read", 200, answer.status, answer)
    gone = await probe.ask("DELETE", path)
    wanted = {"id": made.json["id"], "object": "file", "deleted": True}
    same(probe, f"{GONE}.answers-with-the-deletion", wanted, gone.json, gone)
    for below in ("", "/content"):
        refused(probe, f"{GONE}.then-404", await probe.request("GET", f"{path}{below}"), 404)


@case(f"{LIST}.pages", requirements=[f"{LIST}.pages-give-everything-once"], requests=8, needs=NEEDS)
async def pages(probe: Probe) -> None:
    """The newest files, two at a time."""
    made = [(await probe.upload(f"{n}.txt", b"x")).json["id"] for n in range(3)]
    seen: list[str] = []
    page = probe.exchanges[-1]
    while len(seen) < 4:
        query = {"limit": 2, "order": "desc", **({"after": seen[-1]} if seen else {})}
        page = await probe.ask("GET", "/files", query=query)
        seen += ids_of(page)
        if not page.json.get("has_more"):
            break
    once = len(set(seen)) == len(seen) and set(made) <= set(seen)
    probe.holds(f"{LIST}.pages-give-everything-once", once, expected=made, got=seen, on=page)
    for name in made:
        await probe.request("DELETE", f"/files/{name}")


@case(
    f"{UP}.refusals",
    requirements=[f"{UP}.purpose-is-required", f"{UP}.unknown-purpose-is-refused"],
    requests=2,
    needs=NEEDS,
)
async def refusals(probe: Probe) -> None:
    """Uploads that cannot be."""
    file = ("a.txt", b"x", "text/plain")
    tries: dict[str, dict[str, Part]] = {
        "purpose-is-required": {"file": file},
        "unknown-purpose-is-refused": {"file": file, "purpose": "mischief"},
    }
    for rule, form in tries.items():
        answer = await probe.request("POST", "/files", form=form)
        if why := probe.lack(answer):
            probe.unimplemented(f"{UP}.{rule}", why, on=answer)
        else:
            refused(probe, f"{UP}.{rule}", answer, 400, 422)


async def begun(probe: Probe, size: int) -> Exchange:
    body = {"filename": "a.txt", "bytes": size, "mime_type": "text/plain", "purpose": "user_data"}
    return await probe.ask("POST", "/uploads", body)


@case("uploads.parts", requirements=["uploads.complete.joins-the-parts"], requests=5, needs=UPLOADS)
async def parts(probe: Probe) -> None:
    """A file is uploaded in two parts."""
    made = await begun(probe, 8)
    path, ids = f"/uploads/{made.json['id']}", list[str]()
    for piece in (b"one ", b"two."):
        form: dict[str, Part] = {"data": ("part", piece, "application/octet-stream")}
        ids.append((await probe.ask("POST", f"{path}/parts", form=form)).json["id"])
    done = await probe.ask("POST", f"{path}/complete", {"part_ids": ids})
    data = await probe.ask("GET", f"/files/{done.json['file']['id']}/content")
    same(probe, "uploads.complete.joins-the-parts", b"one two.", data.body, done, data)


@case("uploads.cancelled", requirements=["uploads.cancel.ends-cancelled"], requests=3, needs=UPLOADS)
async def cancelled(probe: Probe) -> None:
    """An upload is given up."""
    made = await begun(probe, 8)
    path = f"/uploads/{made.json['id']}"
    stopped = await probe.ask("POST", f"{path}/cancel")
    same(probe, "uploads.cancel.ends-cancelled", "cancelled", stopped.json.get("status"), stopped)
    form: dict[str, Part] = {"data": ("part", b"late", "application/octet-stream")}
    refused(
        probe,
        "uploads.cancel.ends-cancelled",
        await probe.request("POST", f"{path}/parts", form=form),
        400,
        404,
        409,
    )
