#include "audit/legible.hpp"

namespace roachpin::audit {

report legible(report from) {
    const auto mend = [](std::string& text) {
        text = legible(text);
    };
    mend(from.file);
    for (auto& one : from.steps) {
        mend(one.stage);
        mend(one.host);
        mend(one.subject);
        mend(one.outcome);
    }
    for (auto& one : from.findings) {
        mend(one.host);
        mend(one.subject);
        mend(one.evidence);
        if (one.suppressed) {
            mend(*one.suppressed);
        }
    }
    for (auto& one : from.unfinished) {
        mend(one);
    }
    return from;
}

} // namespace roachpin::audit
