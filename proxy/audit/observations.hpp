#pragma once

#include "core/endpoint.hpp"
#include "core/spki_pin.hpp"
#include "policy/pin_policy.hpp"
#include "settings/model.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

/// What `roachpin check` has seen, as plain values: of the configuration and of everything it names
/// on this machine, of the servers that were asked, of the addresses that were dialled. Texts that
/// anybody else has chosen are printable.
namespace roachpin::audit {

/// What a node proved on a connection, and with what.
struct proof {
    std::string subject; ///< of the leaf, as all of these but the last two
    std::string issuer;
    std::string names;      ///< the SANs
    bool names_host = true; ///< the host itself is among them, not a wildcard that stands for it
    core::spki_pin leaf_key;
    std::string key_kind; ///< "RSA", "EC", "ED25519"
    int key_bits = 0;
    std::string digest; ///< "SHA256"; empty where the signature's algorithm has its own
    std::string tls_version;
    std::chrono::system_clock::time_point ends; ///< when the first of the verified chain ends
    std::string ends_first;                     ///< whose that is: a subject
};

/// The way to a proof.
enum class dial_phase { tcp, sslrequest, tls };

/// Why there is no proof.
struct dial_trouble {
    dial_phase phase = dial_phase::tcp;
    std::string reason; ///< a dial's label: "refused", "wrong_name"
    std::string sentence;
    bool hostile = false; ///< reached, and did not prove itself
};

/// What came of a question: to the SQL port (a StartupMessage), to the web port (health.http).
struct readiness {
    bool ready = true;
    std::string sentence;
};

struct address_observation {
    core::endpoint where;
    std::optional<dial_trouble> trouble{}; ///< set, or what follows is
    std::optional<audit::proof> proof{};
    std::optional<readiness> startup{};
    std::optional<readiness> health{}; ///< where health.http is enabled
};

/// A node of the configuration at its place there. Offline it has nothing else.
struct node_observation {
    std::optional<policy::locked_host> lock{};    ///< of a node that is resolved
    std::vector<policy::observation> said{};      ///< by each server, in their order
    std::optional<policy::decision> made{};       ///< of that, where there is any
    std::vector<address_observation> addresses{}; ///< those that may be dialled
};

/// A certificate of ca_file.
struct anchor {
    std::string subject;
    std::chrono::system_clock::time_point not_after;
    bool is_public = false; ///< the system trusts it, too, as it came
};

/// A certificate of roachpin's own: shown to the nodes, or to clients.
struct own_certificate {
    std::string where; ///< "roachpin.yaml:12: cluster.client_cert_file"
    std::string subject;
    std::chrono::system_clock::time_point not_after;
};

/// Who may do what to a file, or to what is in a folder.
struct access {
    uid_t owner = 0;
    gid_t group = 0;
    mode_t mode = 0;
};

/// A file that holds a private key, or says whom to trust.
struct guarded_file {
    std::string where; ///< "roachpin.yaml:13: cluster.client_key_file"
    std::filesystem::path path;
    bool is_key = false;
    access file;
    access folder; ///< that it is in
};

/// A library as it is loaded.
struct library {
    std::string name;    ///< "c-ares"
    std::string version; ///< "1.34.5"
};

/// What is on this machine.
struct machine_facts {
    std::vector<anchor> anchors;
    std::vector<own_certificate> certificates;
    std::vector<guarded_file> files;
    gid_t process_group = 0;
    std::vector<library> libraries;
    std::vector<core::endpoint> own_endpoints;                 ///< where roachpin itself listens
    std::optional<std::chrono::year_month_day> lock_review_by; ///< of a lock that is there
};

struct observations {
    std::string file; ///< the configuration, as it was named
    settings::configuration configuration;
    machine_facts machine;
    bool offline = false;                ///< nothing was asked and nothing dialled
    std::vector<node_observation> nodes; ///< as many as the configuration has
};

} // namespace roachpin::audit
