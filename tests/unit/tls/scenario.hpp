#pragma once

#include "support/test_pki.hpp"
#include "tls/peer_check.hpp"
#include "unit/tls/plain_tls.hpp"

#include <chrono>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

/// A node and what its operator demands of it, from the certificates' wording to the verdict.
namespace roachpin::test {

inline constexpr auto default_host = "crdb-0.crdb.internal";

/// What is demanded, and what sits at the address.
struct scenario {
    std::string host = default_host;
    std::string ca_file{};
    std::string crl_file{};
    std::vector<std::string> pins{}; ///< the cluster's, in base64
    std::vector<std::string> node_pins{};
    std::vector<std::string> issuer_pins{}; ///< roachpin.lock's
    std::vector<std::string> revoked{};
    core::tls_version min_version = core::tls_version::v1_2;
    identity client{}; ///< shown to the node; nothing where it is empty
    identity node{};   ///< what the node presents
};

/// The certificates a draft speaks of. The stranger is a root the operator never heard of.
enum class whose { leaf, intermediate, root, stranger };

struct revocation_list {
    whose issuer;
    std::vector<whose> revoked{};
    std::chrono::seconds from = std::chrono::hours{-1};
    std::chrono::seconds until = std::chrono::hours{24};
};

certificate_request node_request(); ///< carries `default_host`
certificate_request intermediate_request();

/// A scenario in words. As it is, it is one of `cockroach cert`: everything is right.
struct draft {
    std::string host = default_host;
    certificate_request leaf = node_request();
    certificate_request root = authority_request("Cockroach CA");
    certificate_request stranger = authority_request("Another CA");
    std::optional<certificate_request> intermediate{};

    std::optional<whose> signer{};  ///< of the leaf; unset: the intermediate, or else the root
    std::vector<whose> presented{}; ///< behind the leaf and the intermediate
    bool intermediate_sent = true;
    std::vector<whose> ca_file{whose::root};
    std::vector<revocation_list> crls{};
    std::vector<whose> pins{};
    std::vector<whose> node_pins{};
    std::vector<whose> issuer_pins{};
    std::vector<whose> revoked{};
};

scenario made(const draft& words);

/// A draft that is right but for what `change` does.
template <class Change>
scenario made_with(Change change) {
    draft words;
    change(words);
    return made(words);
}

/// A dial of `setting`, from the ClientHello on.
struct dial {
    explicit dial(const scenario& setting);

    socket_pair sockets{};
    std::optional<tls::upstream_context> context;
    std::optional<tls::peer_check> check{};
};

/// Both ends in turn, until the check has come to an end; the node may then read what is left.
tls::handshake_progress shake_hands(dial& dialled, plain_tls& node);

/// The same against a node that presents what `setting` says.
tls::handshake_progress judge(const scenario& setting, plain_options options = {});

/// "wrong_name: A / B" (expected / presented), "cut: …", or "verified".
std::string verdict_of(const tls::handshake_progress& progress);

/// A draft that is right but for what `change` does, and how the verdict on it begins.
struct scenario_row {
    const char* name;
    void (*change)(draft&);
    const char* verdict = "verified";
};

void PrintTo(const scenario_row& row, std::ostream* out);

inline constexpr auto name_of_row = [](const auto& row) {
    return row.param.name;
};

/// Over TLS 1.3 and over TLS 1.2.
void expect_verdict(const scenario_row& row);

} // namespace roachpin::test
