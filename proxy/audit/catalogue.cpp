#include "audit/catalogue.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace roachpin::audit {
namespace {

using enum severity;

constexpr std::array all{
    catalogue_entry{
        "DNS-ADDRESS-UNEXPECTED", critical, "A name leads to an address outside its allowlist",
        "A resolver answers with an address that the node's allow does not cover, that deny "
        "excludes, that roachpin.lock does not know where that is enforced, or with more addresses "
        "than resolver.max_addresses. A poisoned cache and a record that was changed look like "
        "this. roachpin refuses the whole answer and connects to none of it.",
        "Ask who changed the record. Put it right at the zone; only after review widen allow, or "
        "run roachpin pin --update."},
    catalogue_entry{
        "DNS-DANGLING-CNAME", critical, "An alias leads to a name that does not exist",
        "Whoever registers the alias's target decides where the name leads. That the answer is "
        "empty today is luck.",
        "Delete the alias, or claim its target."},
    catalogue_entry{
        "TLS-VERIFY-FAILED", critical, "What answers did not prove to be the node",
        "The certificate has no chain to ca_file, does not carry the node's name, is not meant for "
        "a server, is not valid yet, or is too weak; or what answers speaks no TLS that can be "
        "accepted. No session reaches it.",
        "If the node is new or was re-issued, compare ca_file and host with its certificate; "
        "otherwise find out what answers at that address. Never answer this by weakening sslmode."},
    catalogue_entry{
        "TLS-REFUSED", critical, "What answers has no TLS",
        "The node answered SSLRequest with N, with an error, with octets stuffed behind its "
        "answer, or is no PostgreSQL server at all. roachpin never falls back to clear text.",
        "Start the node with certificates (--certs-dir, not --insecure), and check address and "
        "port."},
    catalogue_entry{
        "DNS-CNAME-UNEXPECTED", high, "An alias leaves the domains it may lead to",
        "The name is an alias, or its SRV record has a target, outside cname_allow: another party "
        "decides where it leads.",
        "Put the record right, or, after review, add the target's domain to cname_allow."},
    catalogue_entry{
        "DNS-ADDRESS-CLASS", high, "A name leads to an address nobody serves at",
        "Loopback, link-local, multicast, unspecified, reserved or translated addresses are no "
        "database; a rebinding attack uses them.",
        "Put the record right. Loopback is allowed only where the node's allow says so."},
    catalogue_entry{
        "DNS-PUBLIC-FOR-PRIVATE", high, "A name leads outside the network it belongs to",
        "The node's network is private and the address is public, or the other way round. A "
        "released cloud address or the outer half of a split horizon look like this.",
        "Ask the resolver of the inner network, or put the record or the node's network right."},
    catalogue_entry{
        "DNS-NXDOMAIN", high, "A name does not exist",
        "The resolver says that there is no such name. A running roachpin keeps the addresses it "
        "has; one that starts has none.",
        "Check the spelling and the zone; roachpin has no search domains, so write the whole "
        "name."},
    catalogue_entry{
        "DNS-SERVFAIL", high, "A resolver cannot answer",
        "The resolver answered with an error (SERVFAIL, REFUSED, …) or with octets that are no "
        "proper reply: broken DNSSEC, a lame delegation, a resolver that does not serve us, or "
        "somebody who tampers.",
        "See the resolver's own words in the evidence, and ask it with dig +dnssec NAME."},
    catalogue_entry{
        "DNS-BOGUS", high, "DNSSEC signatures do not hold",
        "The answer is signed and the signature is wrong, expired or missing: a forged answer, or "
        "a zone whose keys were rolled badly.",
        "Check the machine's clock, then the zone's signatures and DS record (delv NAME)."},
    catalogue_entry{
        "DNS-RESOLVER-UNREACHABLE", high, "A resolver does not answer",
        "Nothing can be said of what it would answer: the check is not complete.",
        "Check the address in resolver.servers, the network between, and for tls:// the name and "
        "resolver.ca_file."},
    catalogue_entry{
        "TLS-PIN-MISMATCH", high, "A certificate has none of the pinned keys",
        "The chain holds, and yet no certificate of it has a key of spki_sha256, or one has a key "
        "of revoked_spki_sha256. No session reaches it.",
        "Where the keys were rotated, add the new one beside the old, then remove the old one. "
        "Otherwise treat it as an incident: the authority has signed for somebody else."},
    catalogue_entry{
        "TLS-ISSUER-CHANGED", high, "A certificate was issued by an authority not in the lock",
        "roachpin.lock names who may issue the node's certificate, and another has. No session "
        "reaches it.",
        "Where the CA was migrated, review it and run roachpin pin --update; add the next issuer "
        "as next_spki before a migration."},
    catalogue_entry{
        "TLS-REVOKED", high, "A certificate is revoked, or nobody can tell",
        "The CRL lists a certificate of the chain, or the CRL of an authority is missing, foreign "
        "or expired. No session reaches it.",
        "Re-issue the node's certificate, or renew the CRL in crl_file."},
    catalogue_entry{"NODE-UNREACHABLE", high, "Nothing answers at an address",
                    "The connection was refused or reset, or took too long.",
                    "Start the node, or check routes and firewalls between this machine and it."},
    catalogue_entry{"CFG-SELF-ADDRESS", high, "A node is roachpin itself",
                    "roachpin would connect to its own listener until every place is taken.",
                    "Write the database's address."},
    catalogue_entry{
        "DNS-NODATA", medium, "A name has no addresses",
        "The name exists and has no A or AAAA record. A resolver that filters private addresses "
        "(rebinding protection) answers like this for a name that has some.",
        "Check the zone; where the addresses are private, exempt the domain from the resolver's "
        "rebinding filter (dnsmasq: rebind-domain-ok, unbound: private-domain)."},
    catalogue_entry{
        "DNS-NOT-AUTHENTICATED", medium, "An answer is not authenticated",
        "resolver.dnssec demands it, and the resolver did not set AD, or the zone is not signed.",
        "Sign the zone, ask a resolver that validates, or set resolver.dnssec: off."},
    catalogue_entry{
        "DNS-RESOLVER-DISAGREE", medium, "Resolvers contradict each other",
        "Their clean answers have no address in common, or fewer resolvers than "
        "resolver.agreement name one. One of them may be stale or poisoned.",
        "Compare them with roachpin resolve NAME, and flush or replace the one that is wrong."},
    catalogue_entry{
        "DNS-LOCK-DRIFT", medium, "An allowed address is not in the lock",
        "The address is inside allow, and was not there when roachpin.lock was reviewed.",
        "Review it, and run roachpin pin --update; to refuse such addresses set lock.addresses: "
        "enforce."},
    catalogue_entry{
        "DNS-CHANGE-RATE", medium, "More than half of a name's addresses are others",
        "Compared with roachpin.lock most addresses changed at once: a roll-out, or a take-over "
        "inside the allowlist.",
        "Confirm the roll-out, then run roachpin pin --update."},
    catalogue_entry{
        "TLS-CERT-EXPIRING", medium, "A certificate ends soon",
        "Within 30 days (medium) or already (critical). From that day no session reaches the node, "
        "or no client reaches roachpin.",
        "Rotate the certificate; roachpin takes up changed files of its own by itself."},
    catalogue_entry{
        "TLS-CERT-WEAK", medium, "A certificate or its handshake is weaker than it should be",
        "A key below 2048 bits (RSA) or 256 (EC), a SHA-1 signature, or TLS 1.2 where 1.3 could "
        "be had.",
        "Re-issue the certificate with cockroach cert create-node, or upgrade the node."},
    catalogue_entry{
        "NODE-NOT-READY", medium, "A node proved itself and takes no sessions",
        "It refuses before authentication (57P01, 57P03, 53300), or its health page says that it "
        "is not ready: it drains, starts, is full or has lost its quorum.",
        "See the node's own log; cockroach node status shows what the cluster thinks of it."},
    catalogue_entry{"CFG-ALLOWLIST-WIDE", medium, "An allowlist covers a large network",
                    "Every machine in it may answer to the name; what is left is the certificate.",
                    "Narrow allow to the nodes' own network: at least /16 for IPv4, /48 for IPv6."},
    catalogue_entry{
        "CFG-CA-PUBLIC", medium, "ca_file trusts public authorities",
        "Whoever can get a certificate for the name from any of them is believed.",
        "Put only the cluster's own CA into ca_file; for a public CA, pin its keys with "
        "spki_sha256."},
    catalogue_entry{"CFG-KEY-PERMISSIONS", medium,
                    "A private key can be replaced or read by others",
                    "The key's file or folder belongs to, or is open to, other users.",
                    "chown it to roachpin's own user, chmod 0600 the file and 0755 the folder."},
    catalogue_entry{
        "CFG-VERIFIES-LOCALHOST", medium, "A node's name is localhost",
        "Nearly every node's certificate carries it: it does not tell one machine from another, "
        "and whoever has any of them can stand in for all.",
        "Write the node's own name as host, and its address under addresses."},
    catalogue_entry{
        "CFG-LOCK-EXPIRED", medium, "The lock was to be reviewed by now",
        "Its review_by is past. It is enforced as before; nobody has looked at it lately.",
        "Compare with roachpin pin --verify, review, and run roachpin pin --update."},
    catalogue_entry{"CFG-SUPPRESSION-EXPIRED", medium, "A suppression's day is past",
                    "It suppresses nothing any more.",
                    "Put right what it hid, or give it a new day with a reason."},
    catalogue_entry{
        "CFG-LIB-VULNERABLE", medium, "A library with a known fault is loaded",
        "roachpin runs on a version that whoever answers its questions can crash.",
        "Update the library (c-ares: to 1.34.7 or later, or to the distribution's mended one)."},
    catalogue_entry{
        "DNS-RESOLVER-INSECURE", low, "A resolver is asked in clear over a network",
        "Whoever is on the way can answer in its place. The allowlist and the certificate still "
        "hold.",
        "Use tls:// with a name, a validating resolver on this machine, or resolver.dnssec: "
        "validate."},
    catalogue_entry{
        "DNS-TTL-EXTREME", low, "A record's time to live is extreme",
        "Below 5 seconds the resolver is asked again and again; above a day a change takes that "
        "long to arrive.",
        "Set it to 30 to 300 seconds."},
    catalogue_entry{"TLS-SAME-CERT-ACROSS-NODES", low, "Several nodes have one key",
                    "Whoever takes it from one can stand in for all.",
                    "Issue a certificate and key for each node."},
    catalogue_entry{
        "CFG-NAME-NOT-FQDN", low, "A name is not whole",
        "It has one label, or ends at Kubernetes' svc: roachpin has no search domains and asks for "
        "it as it is.",
        "Write the whole name, such as crdb-0.crdb.prod.svc.cluster.local."},
    catalogue_entry{
        "CFG-LOCK-MISSING", low, "There is no lock",
        "Nothing reviewed says who may issue the nodes' certificates and which addresses were "
        "there.",
        "Set lock.file and make it with roachpin pin."},
};

} // namespace

std::span<const catalogue_entry> catalogue() {
    return all;
}

const catalogue_entry& entry_of(std::string_view id) {
    const auto* found = std::find_if(all.begin(), all.end(),
                                     [&](const catalogue_entry& one) { return one.id == id; });
    if (found == all.end()) {
        throw std::logic_error("no finding " + std::string(id));
    }
    return *found;
}

finding make_finding(std::string_view id, std::string host, std::string subject, std::size_t line,
                     std::string evidence) {
    const auto& entry = entry_of(id);
    return {.id = entry.id,
            .level = entry.level,
            .host = std::move(host),
            .subject = std::move(subject),
            .line = line,
            .evidence = std::move(evidence)};
}

} // namespace roachpin::audit
