#include "fuzz.hpp"
#include "problems.hpp"
#include "settings/parse.hpp"

#include <filesystem>
#include <fstream>
#include <optional>

/// roachpin.yaml, which is made by people and by templates.
///
/// Fed: the text of a file, in a folder that has ca.crt, node.crt and node.key. SET, PORT and EMPTY
/// are set in the environment.
///
/// Asserted: it is a configuration that has what none can do without; or there are problems, each
/// with its line, on one line of its own, and within bounds. Nothing is thrown.
namespace {

using namespace roachpin;
using namespace roachpin::fuzz;

/// The files that a configuration names, for as long as the run lasts.
class folder {
public:
    folder() {
        std::string pattern = std::filesystem::temp_directory_path() / "settings_fuzz.XXXXXX";
        require(::mkdtemp(pattern.data()) != nullptr, "there is room for a folder");
        path_ = pattern;
        for (const auto* name : {"ca.crt", "node.crt", "node.key"}) {
            std::ofstream(path_ / name) << "not looked into";
            std::filesystem::permissions(path_ / name, std::filesystem::perms(0600));
        }
    }

    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;

    ~folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::filesystem::path operator/(const char* name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

std::optional<std::string> variable(const std::string& name) {
    if (name == "SET") {
        return "set";
    }
    if (name == "PORT") {
        return "26999";
    }
    return name == "EMPTY" ? std::optional<std::string>("") : std::nullopt;
}

void require_configuration(const settings::configuration& read) {
    require(!read.listeners.empty() && !read.cluster.nodes.empty() && !read.cluster.ca.path.empty(),
            "a configuration has listeners, nodes and an authority");
    for (const auto& node : read.cluster.nodes) {
        const auto* pinned = std::get_if<settings::pinned>(&node.found);
        require(pinned != nullptr ? !pinned->addresses.empty()
                                  : !std::get<settings::resolved>(node.found).allow.empty(),
                "a node is pinned, or resolved and held against its allowlist");
        require(pinned != nullptr || !read.resolver.servers.empty(),
                "somebody is asked where a node is");
        require(node.port != 0, "a node has a port");
    }
    require(read.resolver.refresh_min <= read.resolver.refresh_max, "times are in their order");
    require(read.health.timeout <= read.health.interval, "a probe ends before the next");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const folder files;
    static const auto file = files / "roachpin.yaml";
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto parsed = settings::parse(text, file, variable);
    if (parsed) {
        require_configuration(*parsed);
    } else {
        require_problems(parsed.error(), text);
    }
    return 0;
}
