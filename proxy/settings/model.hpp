#pragma once

#include "core/dns_name.hpp"
#include "core/endpoint.hpp"
#include "core/host_name.hpp"
#include "core/ip_address.hpp"
#include "core/spki_pin.hpp"
#include "core/time.hpp"
#include "core/tls_version.hpp"
#include "policy/address_class.hpp"
#include "policy/answer_rules.hpp"
#include "policy/balance.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <variant>
#include <vector>

/// What the configuration file says, after every rule of it was checked. Plain values with the
/// defaults of the file; `parse` makes them, nothing changes them afterwards.
///
/// A member `where` is "roachpin.yaml:12: cluster.ca_file", ready to stand before ": sentence", so
/// that later stages (loading certificates, binding sockets) report as the parser does.
namespace roachpin::settings {

/// Of a member `where`, the path into the configuration: "cluster.ca_file". The whole text where
/// there is none.
std::string key_of(const std::string& where);

/// And the line: 12. 1 where none is given.
std::size_t line_of(const std::string& where);

/// A file named in the configuration. Absolute, or relative to the working directory; readable when
/// the configuration was parsed (for files that are read).
struct file_path {
    std::filesystem::path path;
    std::string where;
};

/// PEM files that belong together. The key file was readable by its owner alone.
struct certificate_files {
    file_path certificate;
    file_path key;
};

/// A certificate for localhost, made at start and held in memory.
struct automatic_certificate {
    /// Where the certificate (never the key) is written for clients with verify-full.
    std::optional<file_path> export_file;
};

/// TLS that a listener offers to its clients.
struct listener_tls {
    std::variant<certificate_files, automatic_certificate> certificate;
    std::optional<file_path> client_ca; ///< set: a client must present a certificate of this CA
    bool required = false;              ///< plaintext clients are refused with 28000
};

inline std::vector<core::cidr> loopback_networks() {
    return {*core::cidr::parse("127.0.0.0/8"), *core::cidr::parse("::1/128")};
}

/// Whose TLS reaches the node.
enum class listener_mode : std::uint8_t {
    originate,   ///< roachpin's own, verified on the very connection
    passthrough, ///< the client's, end to end; clients in clear text are refused with 28000
};

/// One place where clients connect to.
struct listener {
    core::bind_address bind; ///< port 0: the system chooses
    std::string where;
    listener_mode mode = listener_mode::originate;
    std::optional<listener_tls> tls{}; ///< never set for passthrough
    std::size_t max_connections = 1024;
    mode_t unix_mode = 0660;         ///< of a unix socket, not looked at for TCP
    std::vector<uid_t> allow_uids{}; ///< of a unix socket; empty: every user
    std::vector<core::cidr> allow_from = loopback_networks(); ///< TCP peers; never empty
    /// A TCP bind beyond loopback has this, or `tls->required`, or is passthrough.
    bool dangerous_plaintext_beyond_loopback = false;
};

/// A node's addresses are in the file: no DNS at all.
struct pinned {
    std::vector<core::ip_address> addresses; ///< never empty, no duplicates, in the file's order
};

/// A node's addresses are asked for, and held against this.
struct resolved {
    std::vector<core::cidr> allow; ///< never empty, and never every address there is
    std::vector<core::cidr> deny;
    std::vector<core::dns_name> cname_allow; ///< empty: no alias at all, and there is no srv
    policy::network_class network = policy::network_class::any;
    std::optional<core::dns_name> srv; ///< asked for instead of the host
};

/// A name of the database, and the machines that answer to it.
struct node {
    core::host_name host; ///< what its certificate must carry
    std::string where;
    std::uint16_t port = 26257; ///< never 0
    std::variant<pinned, resolved> found{};
    unsigned tier = 0;                         ///< lower first
    std::vector<core::spki_pin> spki_sha256{}; ///< in addition to the cluster's
};

struct cluster {
    file_path ca;
    std::optional<file_path> crl;
    std::vector<core::spki_pin> spki_sha256; ///< some of the chain must match; empty: all do
    std::vector<core::spki_pin> revoked_spki_sha256; ///< none of the chain may match
    core::tls_version min_tls = core::tls_version::v1_2;
    std::optional<certificate_files> client_certificate; ///< presented to the nodes
    std::vector<node> nodes;                             ///< never empty
};

enum class dns_transport : std::uint8_t { udp, tcp, tls };

/// "10.0.0.53", "udp://10.0.0.54:53", "tls://10.0.0.55:853#dns.internal".
struct dns_server {
    std::string text; ///< as written, for logs and metrics
    dns_transport transport = dns_transport::tcp;
    core::endpoint where;
    std::optional<core::host_name> name{}; ///< of tls: what its certificate must carry
};

/// Who is asked for names, and what is made of the answers.
struct resolver {
    std::vector<dns_server> servers; ///< never empty where a node is resolved
    std::optional<file_path> ca;     ///< roots of tls servers
    std::size_t agreement = 1;       ///< at most as many as there are servers
    policy::dnssec_mode dnssec = policy::dnssec_mode::off;
    std::optional<file_path> trust_anchor; ///< set for dnssec: validate, and only there
    core::duration timeout = std::chrono::seconds(2);
    core::duration refresh_min = std::chrono::seconds(5);
    core::duration refresh_max = std::chrono::seconds(60);
    core::duration removal_hold = std::chrono::seconds(30);
    std::size_t max_addresses = 32;
    core::duration max_stale = std::chrono::hours(24); ///< zero: for ever
};

/// roachpin.lock
struct lock {
    std::optional<file_path> file;
    bool enforce_addresses = false;
};

/// A finding of `roachpin check` that is known and no problem here, until a day.
struct suppression {
    std::string id;                      ///< one of core::finding_ids
    std::optional<core::host_name> host; ///< a node's; unset: every node's, and the configuration's
    std::string reason;
    std::chrono::year_month_day expires; ///< the last day
    std::string where;                   ///< of the entry
};

/// What is done when no node can be used yet.
enum class start_mode : std::uint8_t {
    fail_fast, ///< end, before anything listens
    wait,      ///< listen, refuse clients with 57P03, go on trying
};

/// GET of a page at each node, which may take it out of rotation and never into it: whoever
/// answers has proved nothing that counts for SQL.
struct health_http {
    std::uint16_t port = 8080;            ///< never 0
    std::string path = "/health?ready=1"; ///< printable ASCII without blanks, begins with '/'
    std::optional<file_path> ca{};        ///< roots of the web port; unset: the cluster's
};

/// How each address in rotation is proved again.
struct health {
    core::duration interval = std::chrono::seconds(5); ///< never zero
    core::duration timeout = std::chrono::seconds(2);  ///< never zero, at most `interval`
    unsigned fall = 2;                 ///< failures in a row that take an address out; never 0
    unsigned rise = 1;                 ///< proofs in a row that take it back; never 0
    std::optional<health_http> http{}; ///< set where enabled
};

/// Verified TLS connections kept ready, before authentication, for each address in rotation.
struct spares {
    unsigned per_node = 2;                             ///< zero: none
    core::duration max_age = std::chrono::seconds(30); ///< never zero

    friend bool operator==(const spares&, const spares&) = default;
};

/// A session older than `max`, less a random part of up to `jitter_percent` of it, is retired at
/// an idle boundary.
struct lifetime {
    core::duration max{};         ///< zero: off
    unsigned jitter_percent = 10; ///< at most 50

    friend bool operator==(const lifetime&, const lifetime&) = default;
};

struct timeouts {
    core::duration client_opening = std::chrono::seconds(10);
    core::duration dial = std::chrono::seconds(5);
    core::duration establish = std::chrono::seconds(15); ///< all tries for one client
    core::duration idle{};                               ///< zero: off
    core::duration half_close = std::chrono::seconds(10);

    friend bool operator==(const timeouts&, const timeouts&) = default;
};

/// TCP keepalive on both sides. `idle` and `interval` are whole seconds, as the kernel counts them.
struct keepalive {
    core::duration idle = std::chrono::seconds(30);
    core::duration interval = std::chrono::seconds(10);
    unsigned count = 3;
    core::duration user_timeout = std::chrono::seconds(30); ///< zero: the system's own

    friend bool operator==(const keepalive&, const keepalive&) = default;
};

struct drain {
    core::duration delay{};                            ///< how long clients are still accepted
    core::duration timeout = std::chrono::seconds(25); ///< after `delay`; zero: cut at once

    friend bool operator==(const drain&, const drain&) = default;
};

/// Over all listeners together.
struct limits {
    std::size_t max_connections = 4096;
    std::size_t max_opening = 256; ///< connections that have not finished their opening

    friend bool operator==(const limits&, const limits&) = default;
};

inline core::endpoint default_admin_bind() {
    return {*core::ip_address::parse("127.0.0.1"), 9257};
}

/// Who may see what a running roachpin does, and who may tell it what to do.
struct admin {
    std::optional<core::endpoint> bind = default_admin_bind(); ///< no listener's; unset: none
    std::string bind_where{};
    std::optional<core::unix_path> control{}; ///< its folder existed; no listener's path
    std::string control_where{};
};

enum class log_level : std::uint8_t { debug, info, warning, error };
enum class log_format : std::uint8_t { text, json };

struct log {
    log_level level = log_level::info;
    log_format format = log_format::text;

    friend bool operator==(const log&, const log&) = default;
};

/// The whole file.
struct configuration {
    std::vector<listener> listeners; ///< never empty
    settings::cluster cluster;
    settings::resolver resolver;
    settings::lock lock;
    std::vector<suppression> suppress;
    start_mode start = start_mode::fail_fast;
    policy::balance balance = policy::balance::least_connections;
    settings::health health;
    settings::spares spares;
    settings::timeouts timeouts;
    settings::lifetime lifetime;
    settings::keepalive keepalive;
    settings::drain drain;
    settings::limits limits;
    settings::admin admin;
    settings::log log;
    unsigned workers = 0; ///< data-plane threads; 0: as many as there are processors
};

} // namespace roachpin::settings
