#include "fuzz.hpp"
#include "problems.hpp"
#include "settings/lock_file.hpp"

/// roachpin.lock, which is written by roachpin and merged by people.
///
/// Fed: the text of a file.
///
/// Asserted: it is a lock, which written and read again is the same, in the one text there is for
/// it; or there are problems, each with its line, on one line of its own, and within bounds.
namespace {

using namespace roachpin;
using namespace roachpin::fuzz;

void require_lock(const settings::lock_file& lock) {
    const auto written = to_text(lock);
    require(std::all_of(written.begin(), written.end(),
                        [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); }),
            "a lock is written for people");
    const auto again = settings::parse_lock(written, "roachpin.lock");
    require(again.has_value(), "what is written can be read");
    require(*again == lock, "what is written and read is the same");
    require(to_text(*again) == written, "there is one text for a lock");
    require(differences(lock, *again).empty(), "a lock does not differ from itself");
    require(lock.reviewed.ok() && lock.review_by.ok() && lock.reviewed <= lock.review_by,
            "days are days, in their order");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto parsed = settings::parse_lock(text, "roachpin.lock");
    if (parsed) {
        require_lock(*parsed);
    } else {
        require_problems(parsed.error(), text);
    }
    return 0;
}
