#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <stdexcept>
#include <string>

namespace roachpin::core {

/// An expected failure: a sentence an operator can act on, and the system's own code where a
/// system call was the cause.
struct error {
    std::string sentence;
    boost::system::error_code cause{};
};

/// For `result::value()`, which is for tests and for values the code itself wrote down.
[[noreturn]] inline void throw_exception_from_error(const error& failure,
                                                    const boost::source_location& where) {
    boost::throw_with_location(std::runtime_error(failure.sentence), where);
}

template <class T>
using result = boost::system::result<T, error>;

/// `what`, followed by what the system says of `cause`: "cannot open a.crt: No such file".
error system_error(std::string what, const boost::system::error_code& cause);

/// The same for the calling thread's current `errno`.
error system_error(std::string what);

} // namespace roachpin::core
