#pragma once

#include "core/event_sink.hpp"

#include <exception>
#include <functional>
#include <string>

namespace roachpin::net {

std::string what_was_thrown(const std::exception_ptr& thrown);

/// For a `task_group`: says internal_error of what a task has thrown, and all else goes on.
/// `events` must outlive it.
std::function<void(std::exception_ptr)> internal_errors_to(core::event_source& events);

} // namespace roachpin::net
