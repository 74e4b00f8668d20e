#include "support/temp_dir.hpp"
#include "support/test_pki.hpp"

#include <boost/json.hpp>

#include <iostream>
#include <stdexcept>

// Writes what system tests need of certificates: good ones, as `cockroach cert` makes them, and
// every kind that a proxy has to refuse.

using namespace roachpin::test;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view help = R"(make_certs DIR [--host NAME]… [--ip IP]…
  --host NAME   the node's name (default crdb-0.crdb.internal)
  --ip IP       its address (default 127.0.0.1)
Further names and addresses go into node.crt; the hostile variants take the first.

Good:     node client.app wildcard-good intermediate-chain
Hostile:  wrong-name name-only-in-cn ip-in-dnsname ip-in-cn partial-wildcard leaf-is-ca expired
          not-yet-valid client-only-eku any-eku no-eku self-signed revoked intermediate-missing
          weak-rsa-1024 sha1-signed other-ca-node        each NAME.crt and NAME.key
CA files: ca.crt other-ca.crt ca-bundle.crt (both) intermediate-ca.crt
CRLs:     crl.pem (revokes revoked.crt) crl-node-revoked.pem (node.crt too) crl-expired.pem
          crl-foreign.pem (another CA of the same name) crl-full.pem (with the intermediate's)
pins.json: the SPKI pin of every certificate
)";

struct arguments {
    std::filesystem::path directory;
    std::vector<std::string> hosts;
    std::vector<std::string> addresses;
    bool help = false;
};

arguments parse_arguments(int count, char** words) {
    arguments parsed;
    for (int i = 1; i < count; ++i) {
        const std::string word = words[i];
        if (word == "--help")
            parsed.help = true;
        else if ((word == "--host" || word == "--ip") && i + 1 < count)
            (word == "--host" ? parsed.hosts : parsed.addresses).emplace_back(words[++i]);
        else if (!word.starts_with("-") && parsed.directory.empty())
            parsed.directory = word;
        else
            throw std::invalid_argument{"what is '" + word + "'?"};
    }
    if (parsed.hosts.empty())
        parsed.hosts = {"crdb-0.crdb.internal"};
    if (parsed.addresses.empty())
        parsed.addresses = {"127.0.0.1"};
    if (parsed.directory.empty() && !parsed.help)
        throw std::invalid_argument{"a directory is needed"};
    return parsed;
}

/// "crdb-0.crdb.internal" → ".crdb.internal"
std::string parent_domain(const std::string& host) {
    const auto dot = host.find('.');
    return dot == std::string::npos ? std::string{} : host.substr(dot);
}

class certificate_folder {
public:
    explicit certificate_folder(std::filesystem::path directory)
        : directory_{std::move(directory)} {
        std::filesystem::create_directories(directory_);
    }

    void write_certificate(const std::string& name, const std::string& pem) {
        write_file(directory_ / (name + ".crt"), pem);
        pins_[name] = spki_sha256_base64(pem);
    }

    void write_identity(const std::string& name, const identity& made) {
        write_certificate(name, made.full_chain_pem());
        write_file(directory_ / (name + ".key"), made.private_key_pem);
    }

    void write_text(const std::string& name, const std::string& content) const {
        write_file(directory_ / name, content);
    }

    void write_pins() const { write_text("pins.json", boost::json::serialize(pins_) + "\n"); }

private:
    std::filesystem::path directory_;
    boost::json::object pins_;
};

void write_hostile_leaves(certificate_folder& folder, const certificate_authority& ca,
                          const certificate_request& good) {
    const auto& host = good.dns_sans.front();
    const auto& address = good.ip_sans.front();
    const auto write = [&](const std::string& name, const auto& change) {
        auto request = good;
        change(request);
        folder.write_identity(name, ca.issue(request));
    };
    const auto without_sans = [](certificate_request& request) {
        request.dns_sans.clear();
        request.ip_sans.clear();
    };

    write("wrong-name", [&](auto& request) {
        request.dns_sans = {"elsewhere.example.net"};
        request.ip_sans = {"192.0.2.1"};
    });
    write("name-only-in-cn", [&](auto& request) {
        without_sans(request);
        request.common_name = host;
    });
    write("ip-in-dnsname", [&](auto& request) {
        without_sans(request);
        request.dns_sans = {address};
    });
    write("ip-in-cn", [&](auto& request) {
        without_sans(request);
        request.common_name = address;
    });
    write("partial-wildcard", [&](auto& request) {
        without_sans(request);
        request.dns_sans = {host.substr(0, 1) + "*" + parent_domain(host)};
    });
    write("wildcard-good", [&](auto& request) {
        request.dns_sans = {std::string{"*"}.append(parent_domain(host))};
    });
    write("leaf-is-ca", [](auto& request) { request.is_ca = true; });
    write("expired", [](auto& request) {
        request.not_before = -48h;
        request.not_after = -1h;
    });
    write("not-yet-valid", [](auto& request) {
        request.not_before = 1h;
        request.not_after = 48h;
    });
    write("client-only-eku", [](auto& request) { request.eku = extended_key_usage::client; });
    write("any-eku", [](auto& request) { request.eku = extended_key_usage::any; });
    write("no-eku", [](auto& request) { request.eku = extended_key_usage::none; });
    write("weak-rsa-1024", [](auto& request) { request.key = key_type::rsa_1024; });
    write("sha1-signed", [](auto& request) { request.digest = signature_digest::sha1; });
    folder.write_identity("self-signed", self_signed(good));
}

int run(const arguments& parsed) {
    certificate_folder folder{parsed.directory};

    certificate_request good;
    good.dns_sans = parsed.hosts;
    good.ip_sans = parsed.addresses;
    good.not_after = 24h * 365;

    const certificate_authority ca;
    const certificate_authority other_ca; // the same name: only the key tells them apart
    const auto node = ca.issue(good);
    const auto revoked = ca.issue(good);
    folder.write_certificate("ca", ca.certificate_pem());
    folder.write_certificate("other-ca", other_ca.certificate_pem());
    folder.write_text("ca-bundle.crt", ca.certificate_pem() + other_ca.certificate_pem());
    folder.write_identity("node", node);
    folder.write_identity("revoked", revoked);
    folder.write_identity("other-ca-node", other_ca.issue(good));

    certificate_request client;
    client.common_name = "app";
    client.eku = extended_key_usage::client;
    client.not_after = good.not_after;
    folder.write_identity("client.app", ca.issue(client));

    write_hostile_leaves(folder, ca, good);

    auto below = authority_request("Cockroach Intermediate CA");
    below.path_length = 0;
    const auto intermediate = certificate_authority::intermediate(ca, below);
    auto chained = intermediate.issue(good);
    folder.write_certificate("intermediate-ca", intermediate.certificate_pem());
    folder.write_identity("intermediate-chain", chained);
    chained.chain_pem.clear();
    folder.write_identity("intermediate-missing", chained);

    const auto list = ca.crl({revoked.serial});
    folder.write_text("crl.pem", list);
    folder.write_text("crl-node-revoked.pem", ca.crl({revoked.serial, node.serial}));
    folder.write_text("crl-expired.pem", ca.crl({revoked.serial}, -48h, -24h));
    folder.write_text("crl-foreign.pem", other_ca.crl({}));
    folder.write_text("crl-full.pem", list + intermediate.crl({}));
    folder.write_pins();
    return 0;
}

} // namespace

int main(int count, char** words) {
    try {
        const auto parsed = parse_arguments(count, words);
        if (parsed.help) {
            std::cout << help;
            return 0;
        }
        return run(parsed);
    } catch (const std::invalid_argument& error) {
        std::cerr << "make_certs: " << error.what() << "\n\n" << help;
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "make_certs: " << error.what() << '\n';
        return 1;
    }
}
