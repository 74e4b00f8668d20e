#include "audit/catalogue.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace roachpin::audit {
namespace {

using enum severity;

constexpr std::array entries{
    catalogue_entry{
        .id = "DNS-ADDRESS-UNEXPECTED",
        .level = critical,
        .stage = "policy",
        .title = "A name leads outside its allowlist",
        .meaning = "A DNS server gave an address that is in none of the host's `allow` networks, "
                   "or is in `deny`, or the answer has more addresses than "
                   "`resolver.max_addresses`. A poisoned cache, a record that was taken over and "
                   "a forgotten change of the network all look like this. roachpin refuses the "
                   "whole answer and dials none of its addresses.",
        .remediation = "Find out who owns the address. Is it not yours: treat it as an incident, "
                       "repair the record, flush the servers' caches. Is it: review it, then "
                       "extend `allow` of this host by the narrowest network that holds it.",
    },
    catalogue_entry{
        .id = "DNS-DANGLING-CNAME",
        .level = critical,
        .stage = "dns",
        .title = "An alias leads to a name that does not exist",
        .meaning = "The host is an alias (CNAME), and the name it leads to does not exist or has "
                   "no address. Whoever can register that name decides where the host leads.",
        .remediation = "Delete the alias, or take the target name back into your own hands, before "
                       "somebody else does.",
    },
    catalogue_entry{
        .id = "TLS-VERIFY-FAILED",
        .level = critical,
        .stage = "tls",
        .title = "What answers does not prove to be the node",
        .meaning = "The TLS handshake ended in a certificate that does not prove this host: "
                   "another CA, another name, wrong dates or usage, a CA used as a leaf, a TLS "
                   "version below `cluster.min_tls`, or a failed handshake. roachpin sends nothing "
                   "of a client there.",
        .remediation = "Compare the evidence with the certificate that the node should have. "
                       "Wrong `host`, `ca_file` or address: correct it. Right node: reissue its "
                       "certificate with this host among the subject alternative names, from a "
                       "CA in `cluster.ca_file`. Neither: treat it as an incident. Do not weaken "
                       "sslmode in the applications.",
    },
    catalogue_entry{
        .id = "TLS-REFUSED",
        .level = critical,
        .stage = "sslrequest",
        .title = "What answers does not speak TLS",
        .meaning = "The SSLRequest was answered with something else than the one byte `S`: with "
                   "`N`, an error, or with bytes behind the `S`. An insecure node does that, and "
                   "so does whoever wants a client to fall back to clear text.",
        .remediation = "Start the node with its certificates (`--certs-dir`, never `--insecure`), "
                       "or correct address and port. Bytes behind the `S` are an attack or a "
                       "broken middlebox (CVE-2021-23222).",
    },
    catalogue_entry{
        .id = "DNS-CNAME-UNEXPECTED",
        .level = high,
        .stage = "policy",
        .title = "An alias leads elsewhere",
        .meaning = "An alias (CNAME) of the host, or the target of its `srv`, is in none of the "
                   "domains of `cname_allow`. The whole answer is refused.",
        .remediation = "Repair the record; or, after review, put the narrowest domain that holds "
                       "the target into `cname_allow` of this host.",
    },
    catalogue_entry{
        .id = "DNS-ADDRESS-CLASS",
        .level = high,
        .stage = "policy",
        .title = "A name leads to an address that no node can have",
        .meaning = "The answer has a loopback, link-local, multicast, unspecified or reserved "
                   "address, or one that hides another (NAT64, 6to4, Teredo). `allow` does not "
                   "help against this: such answers turn a proxy against its own machine or its "
                   "cloud's metadata service.",
        .remediation = "Repair the record. Is the database on this machine: pin its loopback "
                       "address (`addresses`), or allow a network of loopback alone.",
    },
    catalogue_entry{
        .id = "DNS-PUBLIC-FOR-PRIVATE",
        .level = high,
        .stage = "policy",
        .title = "The address is not of the declared network",
        .meaning = "The host is declared `network: private` and a public address was given for "
                   "it, or the reverse.",
        .remediation = "Ask the server of the right side of a split horizon, or repair the record. "
                       "Change `network` only where the database has really moved.",
    },
    catalogue_entry{
        .id = "DNS-NXDOMAIN",
        .level = high,
        .stage = "dns",
        .title = "The name does not exist",
        .meaning = "A server says that there is no such name. roachpin asks for names as they "
                   "stand, without search domains.",
        .remediation = "Check the spelling, and write the whole name with its domain. Is the name "
                       "right: find out why this server does not know it (another view, an expired "
                       "zone), or create the record.",
    },
    catalogue_entry{
        .id = "DNS-SERVFAIL",
        .level = high,
        .stage = "dns",
        .title = "A server gave an error, or no proper answer",
        .meaning = "A server answered with an error code or with something malformed. Behind "
                   "SERVFAIL is often a signature that a validating server refuses, a delegation "
                   "to servers that do not know the zone, or servers that are down.",
        .remediation = "Ask the same server with `dig +cd`: an answer then means that DNSSEC of "
                       "the zone is broken; otherwise look at the zone's own servers. REFUSED: let "
                       "this machine ask that server.",
    },
    catalogue_entry{
        .id = "DNS-BOGUS",
        .level = high,
        .stage = "dnssec",
        .title = "The signatures of an answer do not hold",
        .meaning = "DNSSEC validation failed: the records were changed on the way, or the "
                   "signatures are expired or were made with a key that the chain of trust does "
                   "not lead to.",
        .remediation = "Check this machine's clock and the `trust_anchor_file` first. Then sign "
                       "the zone anew, or repair its DS records. Does only one server say so, "
                       "distrust its upstream.",
    },
    catalogue_entry{
        .id = "DNS-RESOLVER-UNREACHABLE",
        .level = high,
        .stage = "dns",
        .title = "A DNS server cannot be asked",
        .meaning = "No answer came from a server of `resolver.servers`, or its TLS certificate "
                   "did not prove it. What it would say of the names is not known, so the exit "
                   "code is 3.",
        .remediation = "Check the address, the transport (TCP and port 853 are often filtered) and "
                       "firewalls. For `tls://`: check `resolver.ca_file` and the name behind #.",
        .could_not_look = true,
    },
    catalogue_entry{
        .id = "TLS-PIN-MISMATCH",
        .level = high,
        .stage = "tls",
        .title = "No certificate of the chain has a pinned key",
        .meaning = "The chain holds, but none of its keys is in `spki_sha256`. Either keys were "
                   "renewed without their pins, or somebody else has a certificate of your CA.",
        .remediation = "Compare the key in the evidence with the node's own. Yours: add its pin, "
                       "reload, and next time pin the next key before it is used. Not yours: treat "
                       "it as an incident.",
    },
    catalogue_entry{
        .id = "TLS-ISSUER-CHANGED",
        .level = high,
        .stage = "tls",
        .title = "The issuer's key is not the locked one",
        .meaning = "The chain holds, but the key that issued the node's certificate is not in "
                   "`issuer_spki` of roachpin.lock. roachpin refuses the node.",
        .remediation = "Has the CA been rotated: run `roachpin pin --update`, review the "
                       "difference, commit the lock. Otherwise find out who signed that "
                       "certificate.",
    },
    catalogue_entry{
        .id = "TLS-REVOKED",
        .level = high,
        .stage = "tls",
        .title = "A certificate of the chain is revoked",
        .meaning = "`cluster.crl_file` revokes a certificate of the chain or has no current list "
                   "for it, or one of its keys is in `revoked_spki_sha256`. roachpin refuses the "
                   "node.",
        .remediation = "Revoked: take the node out and give it a new key and certificate; find "
                       "out who else has the old key. No current list: publish a new CRL of that "
                       "issuer.",
    },
    catalogue_entry{
        .id = "NODE-UNREACHABLE",
        .level = high,
        .stage = "tcp",
        .title = "A node's address does not answer",
        .meaning = "No connection came about, or nothing was said on it in time. Its identity "
                   "could not be looked at. A node that waits for `cockroach init` accepts "
                   "connections and says nothing.",
        .remediation = "Check that the node runs and listens there, and that firewalls and "
                       "security groups let this machine through to the port. Is it gone for good: "
                       "take the address out of the configuration or the record.",
    },
    catalogue_entry{
        .id = "CFG-SELF-ADDRESS",
        .level = high,
        .stage = "policy",
        .title = "A name leads back to roachpin",
        .meaning = "An address of the node is one of roachpin's own listeners: a connection would "
                   "run in a circle until descriptors run out.",
        .remediation = "Give the node the database's address, or the listener another address or "
                       "port.",
    },
    catalogue_entry{
        .id = "DNS-NODATA",
        .level = medium,
        .stage = "dns",
        .title = "The name exists and has no address",
        .meaning = "A server knows the name and gives no A and no AAAA record (no SRV record where "
                   "`srv` is set). A rebinding filter on the server looks exactly like this: "
                   "unbound's `private-address` and dnsmasq's `stop-dns-rebind` take private "
                   "addresses out of answers.",
        .remediation = "Create the record. Is it there: exempt its domain from the server's "
                       "rebinding filter (`private-domain` in unbound, `rebind-domain-ok` in "
                       "dnsmasq).",
    },
    catalogue_entry{
        .id = "DNS-NOT-AUTHENTICATED",
        .level = medium,
        .stage = "dnssec",
        .title = "An answer is not signed, or not validated",
        .meaning = "`resolver.dnssec` asks for proof, and the answer came without: the zone (or "
                   "the target of an alias) is not signed, or the server does not validate. "
                   "roachpin refuses the answer.",
        .remediation = "Sign the zone, ask a server that validates, or set `dnssec: off` for names "
                       "that nobody signs, such as those of Kubernetes.",
    },
    catalogue_entry{
        .id = "DNS-RESOLVER-DISAGREE",
        .level = medium,
        .stage = "policy",
        .title = "The DNS servers disagree",
        .meaning = "Servers of `resolver.servers` name different addresses for one host. One of "
                   "them may be stale, poisoned, or of another view of a split horizon.",
        .remediation = "Find the one that is wrong and flush its cache, or take it out. Servers "
                       "that rotate their answers on purpose need a larger set of addresses in "
                       "each. `resolver.agreement` keeps a single one from adding addresses.",
    },
    catalogue_entry{
        .id = "DNS-LOCK-DRIFT",
        .level = medium,
        .stage = "policy",
        .title = "What is seen is not what was reviewed",
        .meaning = "An address or an alias differs from roachpin.lock. It is inside the allowlist, "
                   "but nobody has looked at it yet. An alias is refused until somebody has.",
        .remediation = "Run `roachpin pin --verify` to see the difference and, where it is meant, "
                       "`roachpin pin --update`; review and commit the lock.",
    },
    catalogue_entry{
        .id = "DNS-CHANGE-RATE",
        .level = medium,
        .stage = "policy",
        .title = "Many addresses changed at once",
        .meaning = "More than half of a host's addresses are others than a short while ago. "
                   "A roll-out does that, and a takeover.",
        .remediation = "Confirm that the change is yours; then renew roachpin.lock with "
                       "`roachpin pin --update`.",
    },
    catalogue_entry{
        .id = "TLS-CERT-EXPIRING",
        .level = medium,
        .stage = "tls",
        .title = "A certificate ends soon",
        .meaning = "A certificate of a node, of `cluster.ca_file` or of roachpin itself ends "
                   "within 30 days. From that day on everything that needs it is refused.",
        .remediation = "Issue a new one (`cockroach cert create-node`), install it and let the "
                       "node read it (SIGHUP). For a CA: put the new root beside the old one into "
                       "`cluster.ca_file` first.",
        .worst = critical,
        .worst_when = "once it has ended",
    },
    catalogue_entry{
        .id = "TLS-CERT-WEAK",
        .level = medium,
        .stage = "tls",
        .title = "A certificate is weaker than it should be",
        .meaning = "The key is short (RSA below 2048 bits, elliptic curves below 256), the "
                   "signature uses SHA-1, or the names are so general (a wildcard, or `localhost` "
                   "alone) that another machine may use it.",
        .remediation = "Issue a new certificate for this node's own name, with RSA 2048 or P-256 "
                       "and SHA-256.",
    },
    catalogue_entry{
        .id = "NODE-NOT-READY",
        .level = medium,
        .stage = "startup",
        .title = "A node takes no sessions",
        .meaning = "The node proved itself, but says that it takes no sessions: it drains, "
                   "starts, is full, was not initialised, or has lost its quorum. So says its "
                   "answer to a StartupMessage, or its `/health?ready=1`.",
        .remediation =
            "Is it being drained or restarted: nothing to do. Otherwise look at the "
            "node's log and at the cluster's under-replicated ranges; where a name lists "
            "nodes that are not ready, let it list ready ones alone.",
    },
    catalogue_entry{
        .id = "CFG-ALLOWLIST-WIDE",
        .level = medium,
        .stage = "configuration",
        .title = "An allowed network is wide",
        .meaning = "A network in `allow` is shorter than /16 (IPv4) or /48 (IPv6): so much lies "
                   "in it that it says little about the database's machines.",
        .remediation = "Name the subnets in which the nodes are, or pin their addresses.",
    },
    catalogue_entry{
        .id = "CFG-CA-PUBLIC",
        .level = medium,
        .stage = "configuration",
        .title = "A public CA is trusted",
        .meaning = "`cluster.ca_file` holds a root that the public trusts as well. Whoever gets "
                   "hold of a name for a moment, or of a released cloud address, can have a "
                   "certificate of it.",
        .remediation = "Use a CA of your own for the cluster. Where it must be public (CockroachDB "
                       "Cloud), keep only the root that signs, and add `spki_sha256` or the lock.",
    },
    catalogue_entry{
        .id = "CFG-KEY-PERMISSIONS",
        .level = medium,
        .stage = "configuration",
        .title = "Others can read a private key or change a trusted file",
        .meaning = "A file that holds a private key or says whom to trust can be read or written "
                   "by others than its owner.",
        .remediation = "Run `chmod 600` on keys and `chmod go-w` on certificates and lists, and on "
                       "the folders that they are in. Was a key open to others: replace it.",
    },
    catalogue_entry{
        .id = "CFG-VERIFIES-LOCALHOST",
        .level = medium,
        .stage = "configuration",
        .title = "The name that is verified is localhost",
        .meaning = "Almost every CockroachDB certificate carries `localhost` and `127.0.0.1`, so "
                   "any node of this CA, of a staging cluster too, proves to be this host.",
        .remediation = "Write the node's own name as `host` and, where it is on this machine, its "
                       "loopback address in `addresses`.",
    },
    catalogue_entry{
        .id = "CFG-LOCK-EXPIRED",
        .level = medium,
        .stage = "configuration",
        .title = "The lock is due for a review",
        .meaning = "The day `review_by` of roachpin.lock has passed. The lock stays in force.",
        .remediation = "Run `roachpin pin --update`, review the difference, commit the lock.",
    },
    catalogue_entry{
        .id = "CFG-SUPPRESSION-EXPIRED",
        .level = medium,
        .stage = "configuration",
        .title = "A suppression has expired",
        .meaning = "The day `expires` of an entry of `suppress` has passed. It suppresses nothing "
                   "any more.",
        .remediation = "Mend what it was about and delete the entry; or decide anew, and give it "
                       "another day and its reason.",
    },
    catalogue_entry{
        .id = "CFG-LIB-VULNERABLE",
        .level = medium,
        .stage = "configuration",
        .title = "A library with known holes is in use",
        .meaning = "The version of a library that this process runs with has known "
                   "vulnerabilities which concern roachpin.",
        .remediation = "Install the distribution's security updates and restart roachpin. Does the "
                       "distribution patch without a new version number: suppress this with the "
                       "advisory as the reason.",
    },
    catalogue_entry{
        .id = "DNS-RESOLVER-INSECURE",
        .level = low,
        .stage = "configuration",
        .title = "A DNS server is asked in the clear",
        .meaning = "A server that is not on this machine is asked over UDP or TCP: whoever is on "
                   "the way can read and change its answers. The allowlist and the nodes' proofs "
                   "still hold.",
        .remediation = "Ask it over TLS (`tls://ADDRESS:853#NAME`), or a validating server on "
                       "loopback.",
    },
    catalogue_entry{
        .id = "DNS-TTL-EXTREME",
        .level = low,
        .stage = "dns",
        .title = "Records live very short or very long",
        .meaning = "The TTL is below 5 seconds, which loads the servers and gives no protection by "
                   "caching, or above a day, for which a mistake stays in caches.",
        .remediation = "Set the TTL of the record between 30 and 300 seconds.",
    },
    catalogue_entry{
        .id = "TLS-SAME-CERT-ACROSS-NODES",
        .level = low,
        .stage = "tls",
        .title = "Several nodes share a key",
        .meaning = "The same key answers at several addresses. Whoever breaks into one of the "
                   "machines can be all of them, and one revocation takes all of them out.",
        .remediation = "Issue a certificate for each node, with a key of its own.",
    },
    catalogue_entry{
        .id = "CFG-NAME-NOT-FQDN",
        .level = low,
        .stage = "configuration",
        .title = "A host is not a full name",
        .meaning = "The name has one label, or is a short name of Kubernetes. Other programs "
                   "complete it by search domains, and mean another machine by it; roachpin asks "
                   "for it as it stands.",
        .remediation = "Write the whole name: `crdb-0.crdb.db.svc.cluster.local`. The certificate "
                       "must carry it.",
    },
    catalogue_entry{
        .id = "CFG-LOCK-MISSING",
        .level = low,
        .stage = "configuration",
        .title = "There is no lock",
        .meaning = "`lock.file` is not set, the file is not there, or it does not know this host: "
                   "a change inside the allowlist is noticed by nobody.",
        .remediation = "Set `lock.file`, run `roachpin pin`, review and commit the lock.",
        .worst = high,
        .worst_when = "where it is set and not there, since `roachpin run` does not start then",
    },
};

} // namespace

std::span<const catalogue_entry> catalogue() {
    return entries;
}

const catalogue_entry* find(std::string_view id) {
    const auto* const found =
        std::find_if(entries.begin(), entries.end(),
                     [id](const catalogue_entry& each) { return each.id == id; });
    return found == entries.end() ? nullptr : found;
}

finding make_finding(std::string_view id, std::string host, std::string subject, std::size_t line,
                     std::string evidence, std::optional<severity> level) {
    const auto* const entry = find(id);
    if (entry == nullptr) {
        throw std::logic_error("no finding has the id " + std::string(id));
    }
    const auto chosen = level.value_or(entry->level);
    if (chosen != entry->level && chosen != entry->worst) {
        throw std::logic_error(std::string(id) + " is never of severity " +
                               std::string(to_string(chosen)));
    }
    return {.id = entry->id,
            .level = chosen,
            .host = std::move(host),
            .subject = std::move(subject),
            .line = line,
            .evidence = std::move(evidence)};
}

} // namespace roachpin::audit
