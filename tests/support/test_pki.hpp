#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A certificate factory for tests. It makes what CockroachDB makes, and, just as readily, what no
/// honest authority would: it checks nothing, so that the proxy has to.
///
/// Every function throws std::runtime_error with OpenSSL's own words when OpenSSL refuses. PEM goes
/// in and out as text. Nothing here is shared between threads; separate objects may be used from
/// separate threads.
namespace roachpin::test {

enum class key_type {
    ec_p256, // the default: a key in well under a millisecond
    rsa_2048,
    rsa_1024, // below OpenSSL's security level 2
};

enum class signature_digest {
    sha256,
    sha1, // below OpenSSL's security level 2
};

enum class extended_key_usage {
    none,              // the extension is left out
    server,            // serverAuth
    client,            // clientAuth
    server_and_client, // what `cockroach cert create-node` writes
    any,               // anyExtendedKeyUsage alone
};

/// What a certificate is to say. The defaults are those of `cockroach cert create-node`.
struct certificate_request {
    std::string common_name = "node";
    std::string organization = "Cockroach"; // empty: left out

    /// Written byte for byte as dNSName entries: wildcards, upper case, NULs, or an address in
    /// dotted form (a name that only looks like an IP) are all possible.
    std::vector<std::string> dns_sans;

    /// Parsed and written as iPAddress entries: "10.0.0.1", "fd00::1".
    std::vector<std::string> ip_sans;

    extended_key_usage eku = extended_key_usage::server_and_client;

    bool is_ca = false;
    std::optional<int> path_length; // of a CA; unset: unlimited
    bool basic_constraints = true;  // false: the extension is left out
    bool basic_constraints_critical = true;

    /// In OpenSSL's words ("critical,digitalSignature"). Unset: what fits a CA or a leaf; empty:
    /// the extension is left out.
    std::optional<std::string> key_usage;

    /// Validity, relative to the moment of issue.
    std::chrono::seconds not_before = std::chrono::hours{-1};
    std::chrono::seconds not_after = std::chrono::hours{24};

    key_type key = key_type::ec_p256;

    /// The digest of the signature *on* this certificate, which its issuer makes.
    signature_digest digest = signature_digest::sha256;

    /// Hexadecimal; empty: 127 random bits.
    std::string serial;
};

/// A certificate with its key, as a server or a client needs them.
struct identity {
    std::string certificate_pem;
    std::string private_key_pem;
    std::string chain_pem; // the intermediates, leaf's issuer first, without the root; often empty
    std::string serial;    // hexadecimal, for certificate_authority::crl

    /// What goes into a `cert_file`: the leaf, then the intermediates.
    [[nodiscard]] std::string full_chain_pem() const { return certificate_pem + chain_pem; }
};

/// Signs certificates and revocation lists. Movable, not copyable.
class certificate_authority {
public:
    /// A self-signed root made from authority_request(common_name).
    explicit certificate_authority(std::string common_name = "Cockroach CA");

    /// A self-signed root as asked for. `is_ca` is taken as given: false makes a root that is none.
    static certificate_authority root(certificate_request request);

    /// An authority whose certificate `issuer` signed. It keeps a copy of the chain, not of
    /// `issuer`.
    static certificate_authority intermediate(const certificate_authority& issuer,
                                              certificate_request request);

    certificate_authority(certificate_authority&&) noexcept;
    certificate_authority& operator=(certificate_authority&&) noexcept;
    ~certificate_authority();

    /// A new key and a certificate for it. `identity::chain_pem` carries this authority's own
    /// certificate and those above it, up to but without the root.
    [[nodiscard]] identity issue(const certificate_request& request) const;

    /// A revocation list (v2) signed by this authority. Times are relative to now; a negative
    /// `next_update` makes a list that is out of date.
    [[nodiscard]] std::string crl(const std::vector<std::string>& revoked_serials,
                                  std::chrono::seconds this_update = std::chrono::hours{-1},
                                  std::chrono::seconds next_update = std::chrono::hours{24}) const;

    [[nodiscard]] const std::string& certificate_pem() const;

private:
    struct state;
    explicit certificate_authority(std::unique_ptr<state> made);
    std::unique_ptr<state> state_;
};

/// A certificate signed with its own key.
[[nodiscard]] identity self_signed(const certificate_request& request);

/// The pin of the first certificate in `pem`: base64(SHA-256(SubjectPublicKeyInfo in DER)).
[[nodiscard]] std::string spki_sha256_base64(std::string_view pem);

/// The request of a CA as `cockroach cert create-ca` makes it: CA:TRUE, pathlen 1, no extended key
/// usage, a year of validity.
[[nodiscard]] certificate_request authority_request(std::string common_name);

} // namespace roachpin::test
