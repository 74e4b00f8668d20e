#pragma once

#include "dns/answer.hpp"
#include "policy/answer_rules.hpp"

#include <boost/system/result.hpp>

#include <string>

/// What asking a server came to: values, without the asking.
namespace roachpin::net {

/// An answer, and what is known of its signatures.
struct validated {
    dns::answer answer;
    policy::authenticity proof = policy::authenticity::insecure;
    std::string why_bogus; ///< in any octets
};

/// No answer to a question.
struct unanswered {
    bool malformed = false; ///< something came, over TCP too, and it was no answer
    std::string sentence;   ///< printable
};

using asked = boost::system::result<validated, unanswered>;

} // namespace roachpin::net
