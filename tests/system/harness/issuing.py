"""Certificates that no authority should issue, made where the test says what is odd about them; see
also make_certs, which has the usual ones."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .certificates import NODE, Certificate

DAY = datetime.timedelta(days=1)
SERVER = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
SHA256 = hashes.SHA256()


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Cockroach"),
                      x509.NameAttribute(NameOID.COMMON_NAME, text)])


def dns(*names):
    return [x509.DNSName(name) for name in names]


class Issued:
    """A certificate, its key, and those above it that are shown with it."""

    def __init__(self, certificate, key, above=()):
        self.certificate, self.key, self.above = certificate, key, list(above)

    @property
    def chain(self):
        return [self.certificate, *self.above]

    def issue(self, subject="node", sans=None, usage=SERVER, authority=None, key=None, days=(-1, 90),
              digest=SHA256, shown=True, more=()):
        """Signed by this one. `authority`: the path length of an authority, or -1 for none.
        `more`: further extensions, each with whether it is critical. `shown`: whether this one is
        sent along."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(named(subject))
                   .issuer_name(self.certificate.subject if self.certificate else named(subject))
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now + days[0] * DAY).not_valid_after(now + days[1] * DAY))
        if sans is None and authority is None:
            sans = dns(NODE)
        if sans:
            builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
        if usage and authority is None:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        length = authority if authority is not None and authority >= 0 else None
        builder = builder.add_extension(
            x509.BasicConstraints(authority is not None, length), critical=True)
        for extension, critical in more:
            builder = builder.add_extension(extension, critical=critical)
        made = builder.sign(self.key or key, digest)
        is_root = self.certificate is None or self.certificate.issuer == self.certificate.subject
        above = [] if is_root or not shown else self.chain
        return Issued(made, key, above)

    def revoke(self, *certificates):
        """Its revocation list, as PEM."""
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateRevocationListBuilder()
                   .issuer_name(self.certificate.subject)
                   .last_update(now - DAY).next_update(now + 30 * DAY))
        for one in certificates:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number)
                .revocation_date(now - DAY).build())
        return builder.sign(self.key, SHA256).public_bytes(serialization.Encoding.PEM).decode()

    def write(self, directory, name, chain=None):
        """As files for a server, the certificates in this order."""
        made = Certificate(directory / f"{name}.crt", directory / f"{name}.key")
        made.cert.write_bytes(b"".join(
            one.public_bytes(serialization.Encoding.PEM) for one in chain or self.chain))
        made.key.write_bytes(self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        return made


def new_root(subject="Another Cockroach CA", key=None):
    """An authority of its own."""
    return Issued(None, None).issue(subject, authority=-1, key=key)
