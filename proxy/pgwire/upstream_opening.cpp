#include "pgwire/upstream_opening.hpp"

namespace roachpin::pgwire {

ssl_answer judge_ssl_answer(core::bytes_view received) {
    switch (received.front()) {
    case 'S':
        return received.size() == 1 ? ssl_answer::accepted : ssl_answer::stuffed;
    case 'N':
        return ssl_answer::declined;
    case 'E':
        return ssl_answer::error;
    default:
        return ssl_answer::not_postgres;
    }
}

} // namespace roachpin::pgwire
