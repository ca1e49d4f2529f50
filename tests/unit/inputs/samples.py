"""Small real documents, made from their formats' rules: nothing binary is kept in the repository."""

from __future__ import annotations

import base64
import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence

_XML = '<?xml version="1.0" encoding="UTF-8"?>'
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org"
_ODF = "urn:oasis:names:tc:opendocument:xmlns"


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return made.getvalue()


def package(main: str, content_type: str, parts: Mapping[str, str]) -> bytes:
    """An Open Packaging Conventions file around a main part."""
    types = (
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/{main}" ContentType="application/vnd.openxmlformats-officedocument.'
        f'{content_type}.main+xml"/></Types>'
    )
    return zipped(
        {
            "[Content_Types].xml": types,
            "_rels/.rels": relations({"officeDocument": main}),
            **parts,
        }
    )


def relations(targets: Mapping[str, str]) -> str:
    """Relations with ids `rId1`, `rId2` … in order; keys are kinds, with anything after a `#`."""
    each = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind.partition("#")[0]}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets.items(), 1)
    )
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{each}</Relationships>'


def docx(body: str, **more: str) -> bytes:
    """`body` is WordprocessingML; `more` are further parts of `word/`."""
    space = f'xmlns:w="{_MAIN}/wordprocessingml/2006/main"'
    parts = {
        "word/document.xml": f"{_XML}<w:document {space}><w:body>{body}</w:body></w:document>",
        **{f"word/{name}.xml": f"{_XML}<w:{name} {space}>{text}</w:{name}>" for name, text in more.items()},
    }
    return package("word/document.xml", "wordprocessingml.document", parts)


def paragraphs(*texts: str) -> str:
    return "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in texts)


def pptx(slides: Sequence[str], order: Sequence[int] | None = None) -> bytes:
    """`order` are slide numbers as the presentation shows them; files keep their own numbers."""
    shown = order or range(1, len(slides) + 1)
    a, p = f"{_MAIN}/drawingml/2006/main", f"{_MAIN}/presentationml/2006/main"
    listed = "".join(f'<p:sldId id="{255 + n}" r:id="rId{n}"/>' for n in shown)
    parts = {
        "ppt/presentation.xml": f'{_XML}<p:presentation xmlns:p="{p}" xmlns:r="{_OFFICE}"><p:sldIdLst>'
        f"{listed}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(
            {f"slide#{n}": f"slides/slide{n}.xml" for n in range(1, len(slides) + 1)}
        ),
    }
    for number, text in enumerate(slides, 1):
        parts[f"ppt/slides/slide{number}.xml"] = (
            f'{_XML}<p:sld xmlns:p="{p}" xmlns:a="{a}"><p:cSld><p:spTree><p:sp><p:txBody>'
            f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sld>"
        )
    return package("ppt/presentation.xml", "presentationml.presentation", parts)


def xlsx(rows: Sequence[Sequence[str]]) -> bytes:
    space = f"{_MAIN}/spreadsheetml/2006/main"
    cells = "".join(
        f'<row r="{number}">'
        + "".join(
            f'<c r="{chr(65 + column)}{number}" t="inlineStr"><is><t>{value}</t></is></c>'
            for column, value in enumerate(row)
        )
        + "</row>"
        for number, row in enumerate(rows, 1)
    )
    parts = {
        "xl/workbook.xml": f'{_XML}<workbook xmlns="{space}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="Prices" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations({"worksheet": "worksheets/sheet1.xml"}),
        "xl/worksheets/sheet1.xml": f'{_XML}<worksheet xmlns="{space}"><sheetData>{cells}</sheetData>'
        "</worksheet>",
    }
    return package("xl/workbook.xml", "spreadsheetml.sheet", parts)


def opendocument(kind: str, body: str) -> bytes:
    """`kind` is `text` or `presentation`; `body` is what stands in it."""
    spaces = " ".join(f'xmlns:{name}="{_ODF}:{name}:1.0"' for name in ("office", "text", "table", "draw"))
    return zipped(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"{_XML}<office:document-content {spaces}><office:body><office:{kind}>{body}"
            f"</office:{kind}></office:body></office:document-content>",
        }
    )


def pdf(*pages: Sequence[str], trailer: str = "") -> bytes:
    """A PDF with lines of Helvetica on each page."""
    count, font = len(pages), 3 + 2 * len(pages)
    kids = " ".join(f"{3 + 2 * number} 0 R" for number in range(count))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {count} >>"]
    for number, lines in enumerate(pages):
        stream = "BT /F1 12 Tf 72 720 Td " + " ".join(f"({line}) Tj 0 -14 Td" for line in lines) + " ET"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {4 + 2 * number} 0 R "
            f"/Resources << /Font << /F1 {font} 0 R >> >> >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    return _assembled([*objects, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"], trailer)


def _assembled(objects: Sequence[str], trailer: str) -> bytes:
    made, offsets = b"%PDF-1.4\n", list[int]()
    for number, text in enumerate(objects, 1):
        offsets.append(len(made))
        made += f"{number} 0 obj\n{text}\nendobj\n".encode("latin-1")
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    return made + (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R {trailer}>>\n"
        f"startxref\n{len(made)}\n%%EOF\n"
    ).encode("latin-1")


def encrypted_pdf() -> bytes:
    """A PDF whose user password is not the empty one (standard security, revision 2)."""
    owner, user = "41" * 32, "42" * 32
    security = f"<< /Filter /Standard /V 1 /R 2 /O <{owner}> /U <{user}> /P -4 >>"
    return pdf(["secret"], trailer=f"/Encrypt {security} /ID [<{'43' * 16}> <{'43' * 16}>] ")


def bomb_pdf(size: int) -> bytes:
    """A page whose content inflates to `size` bytes."""
    packed = zlib.compress(b"BT (x) Tj ET " * (size // 13), 9).decode("latin-1")
    return _assembled(
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R >>",
            f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n{packed}\nendstream",
        ],
        "",
    )


def png(width: int = 1, height: int = 1) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff\0\0" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xd9"
GIF = b"GIF89a\1\0\1\0\0\0\0;"
WEBP = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0"


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64_of(data)}"
