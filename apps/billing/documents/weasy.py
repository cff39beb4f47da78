"""WeasyPrint, with what PDF/A-3, PDF/UA-1 and Factur-X want beside it.

Importing this module loads Pango; `rendering` does it when the first paper is made.
"""

import logging
from functools import cache
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import Any

import weasyprint
from django.conf import settings
from fontTools.ttLib import woff2
from lxml import etree
from weasyprint.css import ColorProfile
from weasyprint.pdf.metadata import DocumentMetadata
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

# Both tell each step of each paper.
logging.getLogger("weasyprint.progress").setLevel(logging.WARNING)
logging.getLogger("fontTools").setLevel(logging.WARNING)

VARIANT = "pdf/a-3a"
FONT_SCHEME = "font:"
FONTS = Path(settings.BASE_DIR) / "static" / "vendor" / "inter"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

# PDF/A wants each property that XMP does not know to be described (ISO 19005-3, 6.6.2.3.3).
_SCHEMA = """
<rdf:li rdf:parseType="Resource">
 <pdfaSchema:schema>{title}</pdfaSchema:schema>
 <pdfaSchema:namespaceURI>{uri}</pdfaSchema:namespaceURI>
 <pdfaSchema:prefix>{prefix}</pdfaSchema:prefix>
 <pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property>
</rdf:li>"""
_PROPERTY = """
<rdf:li rdf:parseType="Resource">
 <pdfaProperty:name>{name}</pdfaProperty:name>
 <pdfaProperty:valueType>{kind}</pdfaProperty:valueType>
 <pdfaProperty:category>{category}</pdfaProperty:category>
 <pdfaProperty:description>{about}</pdfaProperty:description>
</rdf:li>"""
_RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/"
 xmlns:fx="urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
 xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
 xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<rdf:Description rdf:about="" pdfuaid:part="1"/>
{facturx}
<rdf:Description rdf:about=""><pdfaExtension:schemas><rdf:Bag>{schemas}</rdf:Bag>
</pdfaExtension:schemas></rdf:Description>
</rdf:RDF>"""
_FACTURX = """<rdf:Description rdf:about="">
<fx:DocumentType>INVOICE</fx:DocumentType><fx:DocumentFileName>factur-x.xml</fx:DocumentFileName>
<fx:Version>1.0</fx:Version><fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>
</rdf:Description>"""
_UA_PROPERTIES = (("part", "Integer", "internal", "Part of PDF/UA that is followed"),)
_FACTURX_PROPERTIES = (
    ("DocumentFileName", "Text", "external", "Name of the embedded XML file"),
    ("DocumentType", "Text", "external", "INVOICE"),
    ("Version", "Text", "external", "Version of the standard"),
    ("ConformanceLevel", "Text", "external", "Profile of the embedded XML"),
)


def _schema(title: str, uri: str, prefix: str, properties: tuple[tuple[str, ...], ...]) -> str:
    described = "".join(
        _PROPERTY.format(name=name, kind=kind, category=category, about=about)
        for name, kind, category, about in properties
    )
    return _SCHEMA.format(title=title, uri=uri, prefix=prefix, properties=described)


def _more_rdf(*, is_facturx: bool) -> str:
    schemas = _schema(
        "PDF/UA identification", "http://www.aiim.org/pdfua/ns/id/", "pdfuaid", _UA_PROPERTIES
    )
    if is_facturx:
        schemas += _schema(
            "Factur-X",
            "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#",
            "fx",
            _FACTURX_PROPERTIES,
        )
    return _RDF.format(facturx=_FACTURX if is_facturx else "", schemas=schemas)


class PaperMetadata(DocumentMetadata):  # type: ignore[misc]
    """XMP with the identification of PDF/UA-1 and, with an invoice inside, of Factur-X."""

    is_facturx = False

    def generate_rdf_metadata(self, variant: str, version: int, conformance: str) -> bytes:
        """WeasyPrint's own description of PDF/A, and ours, in one `rdf:RDF` as XMP wants it."""
        rdf = etree.fromstring(super().generate_rdf_metadata(variant, version, conformance))
        for description in etree.fromstring(_more_rdf(is_facturx=self.is_facturx)):
            rdf.append(description)
        return etree.tostring(rdf)


class OwnFontsOnly(URLFetcher):  # type: ignore[misc]
    """Gives the shipped fonts by name; whatever else a paper asks for ends the rendering."""

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
        """The bytes of `font:<file name>`; FatalURLFetchingError for every other address."""
        name = url.removeprefix(FONT_SCHEME)
        file = FONTS / name
        if not url.startswith(FONT_SCHEME) or file.parent != FONTS or file.suffix != ".woff2":
            raise FatalURLFetchingError(f"papers fetch nothing: {url!r}")
        return URLFetcherResponse(url, _unpacked(file), {"Content-Type": "font/ttf"})


@cache
def _unpacked(file: Path) -> bytes:
    """The font as TTF, unpacked once a process: it takes longer than the layout of a paper."""
    unpacked = BytesIO()
    woff2.decompress(BytesIO(file.read_bytes()), unpacked)
    return unpacked.getvalue()


def _srgb() -> ColorProfile:
    # As WeasyPrint's own "srgb", which leaves its file open.
    profile = resources.files("weasyprint.pdf").joinpath("sRGB2014.icc").read_bytes()
    return ColorProfile(
        BytesIO(profile), "sRGB2014.icc", "relative-colorimetric", (["r"], ["g"], ["b"])
    )


def pdf_write(html: str, *, xml: bytes | None, xml_description: str) -> bytes:
    """The page as PDF/A-3a, tagged as PDF/UA-1 wants it; `xml` goes in as factur-x.xml."""
    try:
        document = weasyprint.HTML(string=html, url_fetcher=OwnFontsOnly()).render(
            font_config=FontConfiguration(), pdf_variant=VARIANT
        )
    except FatalURLFetchingError as err:
        # A BaseException, which would end the worker: a template of ours names a file.
        raise RuntimeError(str(err)) from err
    metadata = PaperMetadata()
    metadata.__dict__.update(document.metadata.__dict__)
    metadata.is_facturx = xml is not None
    document.metadata = metadata
    document.color_profiles["srgb"] = _srgb()
    attachments = []
    if xml is not None:
        # "Data": the page is made from it (Factur-X 1.0, 6.2.2; ISO 32000-2, 7.11.3).
        attachments.append(
            weasyprint.Attachment(
                string=xml, name="factur-x.xml", description=xml_description, relationship="Data"
            )
        )
    written: bytes = document.write_pdf(
        pdf_variant=VARIANT,
        attachments=attachments,
        output_intent="given",
        finisher=_attached_once,
    )
    return written


def _attached_once(_document: object, pdf: Any) -> None:
    """WeasyPrint names each attached file twice among those of the document."""
    if "AF" in pdf.catalog:
        names = list(dict.fromkeys(pdf.catalog["AF"]))
        pdf.catalog["AF"].clear()
        pdf.catalog["AF"].extend(names)
