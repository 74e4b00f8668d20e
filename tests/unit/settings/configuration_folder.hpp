#pragma once

#include "settings/parse.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <unistd.h>

namespace roachpin::test {

/// A folder with the files that configurations in tests name: ca.crt, crl.pem, root.key, node.crt,
/// node.key (0600) and open.key (0644), which are not root's, and the empty folder `folder`.
/// Problems come without the folder's path.
class configuration_folder {
public:
    configuration_folder() {
        for (const auto* name :
             {"ca.crt", "crl.pem", "root.key", "node.crt", "node.key", "open.key"}) {
            folder_.write(name, "not looked into");
        }
        std::filesystem::permissions(path("open.key"), std::filesystem::perms(0644));
        for (const auto* key : {"node.key", "open.key"}) { // root's are judged by another rule
            EXPECT_TRUE(::geteuid() != 0 || ::chown(path(key).c_str(), 65532, 65532) == 0);
        }
        std::filesystem::create_directory(path("folder"));
        std::filesystem::create_directory(path("certs"));
        folder_.write("certs/ca.crt", "not looked into");
    }

    std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }

    settings::parse_result parse(const std::string& text,
                                 const settings::overrides& flags = {}) const {
        return settings::parse(text, path("roachpin.yaml"), variables, flags);
    }

    /// What the operator reads about `text`; empty where nothing is wrong.
    std::string problems(const std::string& text, const settings::overrides& flags = {}) const {
        return problems(parse(text, flags));
    }

    std::string problems(const settings::parse_result& parsed) const {
        const auto text = parsed ? std::string() : to_string(parsed.error());
        return without_folder(text);
    }

    /// SET is "set", EMPTY is empty, PORT is 26999; nothing else is set.
    static std::optional<std::string> variables(const std::string& name) {
        if (name == "SET") {
            return "set";
        }
        if (name == "PORT") {
            return "26999";
        }
        return name == "EMPTY" ? std::optional<std::string>("") : std::nullopt;
    }

private:
    std::string without_folder(std::string text) const {
        const auto prefix = folder_.path().string() + "/";
        for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at)) {
            text.erase(at, prefix.size());
        }
        return text;
    }

    temp_dir folder_;
};

/// The least that is a configuration, with room for more listener, cluster, node and other lines.
struct written {
    std::string bind = "127.0.0.1:26257";
    std::string listener{};               ///< lines of the listener, each "    key: value\n"
    std::string cluster{};                ///< lines of the cluster, each "  key: value\n"
    std::string addresses = "[10.1.2.3]"; ///< empty: the key is left out
    std::string node{};                   ///< lines of the node, each "      key: value\n"
    std::string rest{};                   ///< whole sections

    std::string text() const {
        const auto pinned = addresses.empty() ? "" : "      addresses: " + addresses + "\n";
        return "listeners:\n  - bind: " + bind + "\n" + listener + "cluster:\n  ca_file: ca.crt\n" +
               cluster + "  nodes:\n    - host: crdb.internal\n" + pinned + node + rest;
    }
};

} // namespace roachpin::test
