#include "settings/read_listener.hpp"

#include "settings/certificate_pair.hpp"
#include "settings/files.hpp"
#include "settings/values.hpp"

#include <initializer_list>
#include <limits>

namespace roachpin::settings {
namespace {

/// The last uid is no user's: it is chown's "leave it alone".
core::result<uid_t> parse_uid(std::string_view text) {
    return between<uid_t>{0, std::numeric_limits<uid_t>::max() - 1}(text);
}

void check_certificate_keys(mapping& in, bool automatic) {
    const bool from_files = in.has_value("cert_file") || in.has_value("key_file");
    if (automatic && from_files) {
        in.complain("auto", "a certificate is either made (auto) or read (cert_file and key_file); "
                            "keep one of the two");
    }
    if (!automatic && in.has_value("export_file")) {
        in.complain("export_file", "only a certificate that is made can be exported; set auto: "
                                   "true, or leave export_file out");
    }
    if (!automatic && !from_files) {
        in.pass().complain(in.where(), "TLS needs a certificate; set cert_file and key_file, or "
                                       "auto: true");
    }
}

listener_tls read_tls(mapping& in, const std::filesystem::path& base) {
    listener_tls tls;
    auto files = read_certificate_pair(in, "cert_file", "key_file", base);
    bool automatic = false;
    const bool auto_is_known = in.value("auto", automatic, parse_boolean);
    auto export_file = in.optional("export_file", file_to_write{base});
    tls.client_ca = in.optional("client_ca_file", readable_file{base});
    in.value("required", tls.required, parse_boolean);
    if (auto_is_known) {
        check_certificate_keys(in, automatic);
    }
    if (files) {
        tls.certificate = std::move(*files);
    } else {
        tls.certificate = automatic_certificate{std::move(export_file)};
    }
    return tls;
}

/// A key that would do nothing is taken for a misunderstanding, the more so where it looks like
/// protection.
void refuse_meaningless(mapping& in, std::initializer_list<std::string_view> keys,
                        const std::string& sentence) {
    for (const auto key : keys) {
        if (in.is_present(key)) {
            in.complain(key, sentence);
        }
    }
}

void check_passthrough(mapping& in, const listener& read) {
    if (read.mode == listener_mode::passthrough && in.has_value("tls")) {
        in.complain("tls", "roachpin does not end TLS where mode is passthrough: that of the "
                           "clients goes through to the node; remove this section, or write mode: "
                           "originate");
    }
}

void check_tcp(mapping& in, const listener& read, const core::endpoint& bind) {
    refuse_meaningless(in, {"unix_mode", "allow_uids"},
                       "this has a meaning for unix sockets only, and " + bind.to_string() +
                           " is not one; remove it");
    if (in.is_empty_list("allow_from")) {
        in.complain("allow_from", "an empty list would let no client in; name the networks of the "
                                  "clients");
    }
    const bool is_passthrough = read.mode == listener_mode::passthrough;
    if (is_passthrough && read.dangerous_plaintext_beyond_loopback) {
        in.complain("dangerous_plaintext_beyond_loopback",
                    "clients in plaintext are refused where mode is passthrough, wherever they "
                    "are; remove it");
    }
    const bool is_private =
        bind.address.is_loopback() || (read.tls && read.tls->required) || is_passthrough;
    if (!is_private && !read.dangerous_plaintext_beyond_loopback) {
        in.complain("bind", bind.to_string() +
                                " can be reached from other machines, and clients would send "
                                "passwords and data in plaintext; set tls.required: true, or "
                                "dangerous_plaintext_beyond_loopback: true if that network may "
                                "read them; and name the clients' networks in allow_from, "
                                "which lets in this machine alone by default");
    }
}

} // namespace

std::optional<placed_listener> read_listener(mapping& in, const std::filesystem::path& base) {
    const auto bind = in.required("bind", core::parse_bind_address);
    listener read{.bind = bind.value_or(core::unix_path{}), .where = in.where().to_string()};
    in.value("mode", read.mode,
             one_of<listener_mode>{{{"originate", listener_mode::originate},
                                    {"passthrough", listener_mode::passthrough}}});
    in.optional_section("tls", [&](mapping& tls) { read.tls = read_tls(tls, base); });
    in.value("max_connections", read.max_connections, between<std::size_t>{1, 1'000'000});
    in.value("unix_mode", read.unix_mode, parse_file_mode);
    in.list("allow_uids", read.allow_uids, parse_uid);
    in.list("allow_from", read.allow_from, core::cidr::parse);
    in.value("dangerous_plaintext_beyond_loopback", read.dangerous_plaintext_beyond_loopback,
             parse_boolean);
    check_passthrough(in, read);
    if (!bind) {
        return std::nullopt;
    }
    if (const auto* tcp = std::get_if<core::endpoint>(&*bind)) {
        check_tcp(in, read, *tcp);
    } else {
        refuse_meaningless(in, {"allow_from", "dangerous_plaintext_beyond_loopback"},
                           "this has a meaning for TCP only, and " + core::to_string(*bind) +
                               " is a unix socket; remove it");
    }
    return placed_listener{std::move(read), in.place_of("bind")};
}

} // namespace roachpin::settings
