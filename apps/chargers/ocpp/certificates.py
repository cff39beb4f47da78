"""X.509 as OCPP uses it: what a certificate says, its hash data, and who signed it (A02, M03).

Pure functions; bytes and PEM in, facts out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# A00.FR.506, A00.FR.507: at least 2048 bit RSA or 224 bit elliptic curve.
_MIN_RSA_BITS, _MIN_EC_BITS = 2048, 224
# Clocks of stations are not ours: a new certificate is valid from a little before now.
_BACKDATED = timedelta(hours=1)


class CertificateInvalid(Exception):
    """A certificate or signing request that cannot be used, with the reason in words."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says; instants are aware UTC, the serial number is hexadecimal."""

    common_name: str
    subject: str
    issuer: str
    serial_number: str
    valid_from: datetime
    valid_to: datetime


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority with its key, as PEM."""

    certificate_pem: str
    private_key_pem: str


def certificates_read(pem: str) -> list[x509.Certificate]:
    """The certificates of a PEM chain, leaf first; CertificateInvalid when there are none."""
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError as err:
        raise CertificateInvalid("It is no certificate in PEM.") from err


def facts(certificate: x509.Certificate) -> CertificateFacts:
    """What the certificate says of itself."""
    return CertificateFacts(
        common_name=_common_name(certificate.subject),
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial_number=f"{certificate.serial_number:x}",
        valid_from=certificate.not_valid_before_utc,
        valid_to=certificate.not_valid_after_utc,
    )


def hash_data(certificate: x509.Certificate, issuer: x509.Certificate) -> dict[str, str]:
    """CertificateHashDataType of a certificate (2.0.1 Part 2 §2.6), by SHA256."""
    request = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA256())
    asked = request.build()
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": asked.issuer_name_hash.hex(),
        "issuerKeyHash": asked.issuer_key_hash.hex(),
        "serialNumber": f"{asked.serial_number:x}",
    }


def is_signed_by(certificate: x509.Certificate, authority_pem: str) -> bool:
    """True when the authority itself signed the certificate."""
    (authority, *_rest) = certificates_read(authority_pem)
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def authority_make(*, name: str, organization: str, now: datetime, valid_to: datetime) -> Authority:
    """A self-signed authority on the curve P-256."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name, organization)
    public_key = key.public_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(valid_to)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .sign(key, hashes.SHA256())
    )
    private_key = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Authority(_pem(certificate), private_key.decode())


def server_make(
    authority: Authority, *, names: Sequence[str], now: datetime, valid_to: datetime
) -> Authority:
    """A server's certificate and key for these names or addresses, signed by the authority."""
    (issuer, *_rest) = certificates_read(authority.certificate_pem)
    signing = serialization.load_pem_private_key(authority.private_key_pem.encode(), password=None)
    assert isinstance(signing, ec.EllipticCurvePrivateKey)  # noqa: S101 - see authority_make
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(names[0], "Cariflex"))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(now - _BACKDATED, issuer.not_valid_before_utc))
        .not_valid_after(min(valid_to, issuer.not_valid_after_utc))
        .add_extension(x509.SubjectAlternativeName([_host(n) for n in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer_key, critical=False)
        .sign(signing, hashes.SHA256())
    )
    private_key = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Authority(_pem(certificate), private_key.decode())


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def request_read(csr_pem: str) -> x509.CertificateSigningRequest:
    """A signing request whose own signature holds and whose key is strong enough."""
    try:
        request = x509.load_pem_x509_csr(csr_pem.encode())
        is_signed = request.is_signature_valid
        key = request.public_key()
    except Exception as err:
        # The library raises more than it documents for keys and curves that it does not know.
        raise CertificateInvalid("It is no signing request in PEM.") from err
    if not is_signed:
        raise CertificateInvalid("The request is not signed by its own key.")
    if isinstance(key, rsa.RSAPublicKey):
        strong = key.key_size >= _MIN_RSA_BITS
    else:
        strong = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= _MIN_EC_BITS
    if not strong:
        raise CertificateInvalid("The key is too weak or of a kind that OCPP does not use.")
    return request


def request_common_name(request: x509.CertificateSigningRequest) -> str:
    """For whom a certificate is requested."""
    return _common_name(request.subject)


def request_sign(
    request: x509.CertificateSigningRequest,
    authority: Authority,
    *,
    common_name: str,
    organization: str,
    now: datetime,
    valid_to: datetime,
) -> x509.Certificate:
    """The client certificate of a station; subject and uses are ours, only the key is taken."""
    (issuer, *_rest) = certificates_read(authority.certificate_pem)
    key = serialization.load_pem_private_key(authority.private_key_pem.encode(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101 - see authority_make
    public_key = request.public_key()
    uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name, organization))
        .issuer_name(issuer.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(now - _BACKDATED, issuer.not_valid_before_utc))
        .not_valid_after(min(valid_to, issuer.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(uses, critical=False)
        .add_extension(issuer_key, critical=False)
        .sign(key, hashes.SHA256())
    )


def chain_pem(certificates: Sequence[x509.Certificate]) -> str:
    """The certificates one after the other, leaf first."""
    return "".join(_pem(certificate) for certificate in certificates)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _name(common_name: str, organization: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if len(found) == 1 else ""


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
