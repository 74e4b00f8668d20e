#include "unit/tls/scenario.hpp"

#include "unit/tls/pem.hpp"

#include <gmock/gmock.h>

#include <regex>
#include <stdexcept>

namespace roachpin::test {
namespace {

constexpr auto intermediate_serial = "4711";

/// Every certificate of a draft.
struct cast_of {
    explicit cast_of(const draft& words)
        : root(certificate_authority::root(words.root)),
          stranger(certificate_authority::root(words.stranger)), leaf(issued(words)) {}

    std::string pem(whose one) const {
        switch (one) {
        case whose::leaf:
            return leaf.certificate_pem;
        case whose::intermediate:
            return intermediate.value().certificate_pem();
        case whose::root:
            return root.certificate_pem();
        case whose::stranger:
            break;
        }
        return stranger.certificate_pem();
    }

    std::string pems(const std::vector<whose>& some) const {
        std::string all;
        for (const auto one : some) {
            all += pem(one);
        }
        return all;
    }

    std::vector<std::string> pins(const std::vector<whose>& some) const {
        std::vector<std::string> all;
        for (const auto one : some) {
            all.push_back(spki_sha256_base64(pem(one)));
        }
        return all;
    }

    std::string crl(const revocation_list& list) const {
        std::vector<std::string> serials;
        for (const auto one : list.revoked) {
            serials.push_back(one == whose::leaf ? leaf.serial : intermediate_serial);
        }
        return authority(list.issuer).crl(serials, list.from, list.until);
    }

    certificate_authority root;
    certificate_authority stranger;
    std::optional<certificate_authority> intermediate{};
    identity leaf;

private:
    const certificate_authority& authority(whose one) const {
        return one == whose::root           ? root
               : one == whose::intermediate ? intermediate.value()
                                            : stranger;
    }

    identity issued(const draft& words) {
        if (words.intermediate) {
            auto request = *words.intermediate;
            request.serial = intermediate_serial;
            intermediate = certificate_authority::intermediate(root, request);
        }
        const auto signer =
            words.signer.value_or(words.intermediate ? whose::intermediate : whose::root);
        auto made =
            signer == whose::leaf ? self_signed(words.leaf) : authority(signer).issue(words.leaf);
        if (!words.intermediate_sent) {
            made.chain_pem.clear();
        }
        return made;
    }
};

std::vector<core::spki_pin> parsed(const std::vector<std::string>& base64) {
    std::vector<core::spki_pin> pins;
    for (const auto& text : base64) {
        pins.push_back(core::spki_pin::parse(text).value());
    }
    return pins;
}

tls::upstream_context context_of(const scenario& setting) {
    tls::upstream_options options{.anchors = certificates_of(setting.ca_file),
                                  .crls = crls_of(setting.crl_file),
                                  .pins = parsed(setting.pins),
                                  .revoked = parsed(setting.revoked),
                                  .min_version = setting.min_version,
                                  .client = std::nullopt};
    if (!setting.client.certificate_pem.empty()) {
        options.client = key_pair_of(setting.client);
    }
    return tls::upstream_context::make(std::move(options)).value();
}

bool is_final(const tls::handshake_progress& progress) {
    return !std::holds_alternative<tls::wants_read>(progress) &&
           !std::holds_alternative<tls::wants_write>(progress);
}

} // namespace

certificate_request node_request() {
    certificate_request request;
    request.dns_sans = {default_host};
    return request;
}

certificate_request intermediate_request() {
    auto request = authority_request("Intermediate CA");
    request.path_length = 0;
    return request;
}

scenario made(const draft& words) {
    const cast_of all(words);
    scenario setting{.host = words.host,
                     .ca_file = all.pems(words.ca_file),
                     .pins = all.pins(words.pins),
                     .node_pins = all.pins(words.node_pins),
                     .issuer_pins = all.pins(words.issuer_pins),
                     .revoked = all.pins(words.revoked),
                     .node = all.leaf};
    for (const auto& list : words.crls) {
        setting.crl_file += all.crl(list);
    }
    setting.node.chain_pem += all.pems(words.presented);
    return setting;
}

dial::dial(const scenario& setting) : context(context_of(setting)) {
    check.emplace(*context, core::host_name::parse(setting.host).value(), parsed(setting.node_pins),
                  parsed(setting.issuer_pins), sockets.ours());
}

tls::handshake_progress shake_hands(dial& dialled, plain_tls& node) {
    for (int turn = 0; turn < 100; ++turn) {
        auto progress = dialled.check->advance();
        node.advance();
        if (is_final(progress)) {
            return progress;
        }
    }
    throw std::runtime_error("a handshake without an end");
}

tls::handshake_progress judge(const scenario& setting, plain_options options) {
    dial dialled(setting);
    options.presents = setting.node;
    plain_tls node(plain_tls::role::server, options, dialled.sockets.theirs());
    return shake_hands(dialled, node);
}

std::string verdict_of(const tls::handshake_progress& progress) {
    if (const auto* refused = std::get_if<tls::peer_refusal>(&progress)) {
        const auto verdict = std::string(to_string(refused->fault)) + ": " + refused->expected +
                             " / " + refused->presented;
        // Keys are made anew for every run; tls_certificate_test looks at how they are shown.
        return std::regex_replace(verdict, std::regex(" \\(key [0-9a-f]{16}\\)"), "");
    }
    if (const auto* cut = std::get_if<tls::handshake_cut>(&progress)) {
        return "cut: " + cut->sentence;
    }
    return std::holds_alternative<tls::verified_peer>(progress) ? "verified" : "unfinished";
}

void PrintTo(const scenario_row& row, std::ostream* out) {
    *out << row.name;
}

void expect_verdict(const scenario_row& row) {
    const auto setting = made_with(row.change);
    for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
        const auto verdict = verdict_of(judge(setting, {.max_version = version}));
        EXPECT_THAT(verdict, testing::StartsWith(row.verdict));
        EXPECT_THAT(verdict, testing::Not(testing::EndsWith(" / "))); // nothing presented
    }
}

} // namespace roachpin::test
