#include "telemetry/process_facts.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace roachpin::telemetry {
namespace {

/// proc(5), /proc/pid/stat: the fields behind the command's name, which may hold blanks and
/// brackets. The first of them is the state, field 3.
std::vector<std::string> stat_fields() {
    std::ifstream file("/proc/self/stat");
    std::string text;
    std::getline(file, text);
    const auto name_end = text.rfind(')');
    if (name_end == std::string::npos) {
        return {};
    }
    std::istringstream rest(text.substr(name_end + 1));
    return {std::istream_iterator<std::string>(rest), {}};
}

constexpr std::size_t utime = 14 - 3;
constexpr std::size_t stime = 15 - 3;
constexpr std::size_t num_threads = 20 - 3;
constexpr std::size_t starttime = 22 - 3;
constexpr std::size_t vsize = 23 - 3;
constexpr std::size_t rss = 24 - 3;

/// When the system was booted, in seconds since the epoch: "btime" of /proc/stat.
double boot_time() {
    std::ifstream file("/proc/stat");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("btime ")) {
            return std::stod(line.substr(6));
        }
    }
    return 0;
}

std::uint64_t count_descriptors() {
    std::error_code failed; // where none is left, there is none to read the folder with
    std::filesystem::directory_iterator at("/proc/self/fd", failed);
    std::uint64_t number = 0;
    for (const std::filesystem::directory_iterator end; !failed && at != end;
         at.increment(failed)) {
        ++number;
    }
    return number > 0 ? number - 1 : 0; // without the one that reads the folder
}

} // namespace

std::optional<process_facts> read_process_facts() {
    const auto fields = stat_fields();
    if (fields.size() <= rss) {
        return std::nullopt;
    }
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const auto number = [&](std::size_t field) {
        return std::stoull(fields[field]);
    };
    process_facts now;
    now.cpu_seconds = static_cast<double>(number(utime) + number(stime)) / ticks;
    now.threads = number(num_threads);
    now.started_at = boot_time() + static_cast<double>(number(starttime)) / ticks;
    now.virtual_bytes = number(vsize);
    now.resident_bytes = number(rss) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    now.open_descriptors = count_descriptors();
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        now.max_descriptors = limit.rlim_cur;
    }
    return now;
}

} // namespace roachpin::telemetry
