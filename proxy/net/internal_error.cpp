#include "net/internal_error.hpp"

namespace roachpin::net {

std::string what_was_thrown(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& problem) {
        return problem.what();
    } catch (...) {
        return "an unknown exception";
    }
}

std::function<void(std::exception_ptr)> internal_errors_to(core::event_source& events) {
    return [&events](const std::exception_ptr& thrown) {
        events.emit(core::events::internal_error{{}, what_was_thrown(thrown)});
    };
}

} // namespace roachpin::net
