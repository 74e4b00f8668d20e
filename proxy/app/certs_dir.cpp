#include "app/certs_dir.hpp"

#include "core/printable.hpp"
#include "tls/certificate.hpp"
#include "tls/credentials.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace roachpin::app {
namespace {

namespace fs = std::filesystem;

/// USER of client.USER.crt.
std::optional<std::string> user_of(const std::string& file_name) {
    constexpr std::string_view before = "client.";
    constexpr std::string_view after = ".crt";
    if (file_name.size() <= before.size() + after.size() || !file_name.starts_with(before) ||
        !file_name.ends_with(after)) {
        return std::nullopt;
    }
    return file_name.substr(before.size(), file_name.size() - before.size() - after.size());
}

/// A folder that cannot be listed has none: ca.crt was read already.
std::vector<client_files> clients_in(const fs::path& folder) {
    std::vector<client_files> found;
    std::error_code failed;
    for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end;
         entry.increment(failed)) {
        const auto name = entry->path().filename().string();
        const auto user = user_of(name);
        const auto key = user ? folder / ("client." + *user + ".key") : fs::path();
        std::error_code unknown;
        if (user && fs::exists(key, unknown)) {
            found.push_back({*user, entry->path(), key});
        }
    }
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return a.user < b.user; });
    return found;
}

/// Almost every node's certificate carries these as well, so that they tell no node from another.
bool is_own(const core::host_name& host) {
    return host.text() == "localhost" || (host.ip() && host.ip()->is_loopback());
}

void read_node(const fs::path& file, certs_dir& into) {
    std::error_code unknown;
    if (!fs::exists(file, unknown)) {
        return;
    }
    const auto shown = core::printable(file.string());
    const auto certificate = tls::load_certificate(file.string());
    if (!certificate) {
        into.notices.push_back(core::printable(certificate.error().sentence, 1024) +
                               "; no node was taken from it");
        return;
    }
    into.hosts = tls::hosts_of(**certificate);
    std::erase_if(into.hosts, is_own);
    if (into.hosts.empty()) {
        into.notices.push_back(shown + " carries no name of a node (" +
                               tls::names_of(**certificate) + "); no node was taken from it");
    }
}

} // namespace

core::result<certs_dir> read_certs_dir(const fs::path& folder) {
    std::error_code failed;
    const auto absolute = fs::canonical(folder, failed);
    if (failed) {
        return core::system_error("cannot read " + core::printable(folder.string()), failed);
    }
    // The parser would take it for the name of an environment variable.
    if (absolute.string().find("${") != std::string::npos) {
        return core::error{core::printable(absolute.string()) +
                           " holds ${, which no value of a configuration can; rename the folder"};
    }
    certs_dir read{.ca = absolute / "ca.crt"};
    const auto anchors = tls::load_anchors(read.ca.string());
    if (!anchors) {
        return core::error{core::printable(anchors.error().sentence, 1024)};
    }
    read.clients = clients_in(absolute);
    std::erase_if(read.clients,
                  [](const auto& client) { return client.user.find("${") != std::string::npos; });
    read_node(absolute / "node.crt", read);
    return read;
}

} // namespace roachpin::app
